using System.Globalization;

namespace KvPolicy.Benchmarks.Peers;

/// <summary>What is compared, and how often.</summary>
internal sealed record PeerOptions
{
    /// <summary>The GGUF file.</summary>
    internal required string Model { get; init; }

    /// <summary>Threads of both sides.</summary>
    internal int Threads { get; init; } = Environment.ProcessorCount;

    /// <summary>Turns of each side.</summary>
    internal int Pairs { get; init; } = 5;

    /// <summary>Tokens decoded in a turn.</summary>
    internal int Burst { get; init; } = 32;

    /// <summary>Lengths of the prompts whose prefill is timed.</summary>
    internal IReadOnlyList<int> Prefills { get; init; } = [512, 4096];

    /// <summary>Tokens in the cache when decoding is timed.</summary>
    internal IReadOnlyList<int> Depths { get; init; } = [0, 2048, 7936];

    /// <summary>Policy of the compressed side.</summary>
    internal string Policy { get; init; } = "SnapKv";

    /// <summary>Its Keep.</summary>
    internal string Keep { get; init; } = "0.1";

    /// <summary>The same work in miniature, to see that it runs.</summary>
    internal PeerOptions Dry() => this with { Pairs = 1, Burst = 2, Prefills = [16], Depths = [0, 16] };

    /// <summary>Reads <c>--model F --threads N --pairs N --policy P --keep R --prefill N,N --depth N,N</c>.</summary>
    internal static PeerOptions Parse(ReadOnlySpan<string> words, string defaultModel)
    {
        var options = new PeerOptions { Model = defaultModel };
        for (int i = 0; i < words.Length; i += 2)
        {
            if (i + 1 == words.Length) throw new ArgumentException($"{words[i]} needs a value");
            string value = words[i + 1];
            options = words[i] switch
            {
                "--model" => options with { Model = value },
                "--threads" => options with { Threads = Number(value) },
                "--pairs" => options with { Pairs = Number(value) },
                "--policy" => options with { Policy = value },
                "--keep" => options with { Keep = value },
                "--prefill" => options with { Prefills = Numbers(value) },
                "--depth" => options with { Depths = Numbers(value) },
                _ => throw new ArgumentException($"unknown option {words[i]}; known: --model --threads --pairs --policy --keep --prefill --depth"),
            };
        }

        return options;
    }

    private static int[] Numbers(string text) => [.. text.Split(',', StringSplitOptions.RemoveEmptyEntries).Select(Number)];

    private static int Number(string text) => int.Parse(text, NumberStyles.None, CultureInfo.InvariantCulture);
}
