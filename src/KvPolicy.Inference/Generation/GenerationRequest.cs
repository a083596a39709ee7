namespace KvPolicy.Inference;

/// <summary>How the next token is drawn. The default is greedy.</summary>
/// <param name="Temperature">0 takes the likeliest token; otherwise logits are divided by it.</param>
/// <param name="TopK">Only so many likeliest tokens; 0 for all.</param>
/// <param name="TopP">Only the likeliest tokens whose probabilities first reach this sum; 1 for all.</param>
/// <param name="Seed">Same seed, same tokens.</param>
public sealed record SamplingOptions(double Temperature = 0, int TopK = 0, double TopP = 1, ulong Seed = 0)
{
    /// <summary>Refuses what has no meaning.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A negative number or NaN, or a top-p of 0 or above 1.</exception>
    public void Validate()
    {
        if (!(Temperature >= 0 && double.IsFinite(Temperature))) throw new ArgumentOutOfRangeException(nameof(Temperature), Temperature, "The temperature is 0 or more.");
        if (TopK < 0) throw new ArgumentOutOfRangeException(nameof(TopK), TopK, "Top-k is 0 (off) or more.");
        if (!(TopP is > 0 and <= 1)) throw new ArgumentOutOfRangeException(nameof(TopP), TopP, "Top-p is above 0 and at most 1 (off).");
    }
}

/// <summary>A prompt, and the policy that compresses its cache.</summary>
public record PromptRequest
{
    /// <summary>[n] ids of the prompt, BOS and template included.</summary>
    public required IReadOnlyList<int> Prompt { get; init; }

    /// <summary>[n] number of each token's shot, -1 outside; empty where the prompt has none.</summary>
    public IReadOnlyList<int> Shots { get; init; } = [];

    /// <summary>The policy, or null for a full cache.</summary>
    public IKvPolicy? Policy { get; init; }

    /// <summary>
    /// The context: how many of the prompt's first tokens are prefilled and compressed. The rest, a question, is read over the compressed cache
    /// and stays whole (while decoding it counts as generated). Null: the whole prompt is compressed.
    /// </summary>
    public int? ContextTokens { get; init; }

    /// <summary>Order of the prefill.</summary>
    public PrefillSchedule Schedule { get; init; }

    /// <summary>Rows of a prefill chunk; 0 for the engine's own. Under <see cref="PrefillSchedule.LayerMajor"/> it changes no result.</summary>
    public int ChunkRows { get; init; }

    /// <summary>Receives the share of the prefill that is done, 0 to 1; null for nobody.</summary>
    public Action<double>? Progress { get; init; }
}

/// <summary>What to generate.</summary>
public sealed record GenerationRequest : PromptRequest
{
    /// <summary>Most tokens to generate; 0 prefills only.</summary>
    public int MaxTokens { get; init; } = 256;

    /// <summary>How tokens are drawn.</summary>
    public SamplingOptions Sampling { get; init; } = new();

    /// <summary>Texts that end the generation where they first appear; they are not part of the result.</summary>
    public IReadOnlyList<string> StopSequences { get; init; } = [];

    /// <summary>Receives text as it comes, in whole characters; null for nobody.</summary>
    public Action<string>? OnText { get; init; }
}
