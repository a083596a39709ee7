namespace KvPolicy.Inference;

/// <summary>Why a generation ended.</summary>
public enum StopReason
{
    /// <summary>The model ended its turn.</summary>
    Eos,

    /// <summary>The number of tokens that was asked for.</summary>
    Length,

    /// <summary>The model's context, or the session's capacity, is full.</summary>
    Context,

    /// <summary>One of the texts that were to end it.</summary>
    Sequence,
}

/// <summary>What came of a generation.</summary>
/// <param name="Text">The generated text; special tokens are not printed.</param>
/// <param name="TokenIds">Generated ids; the end-of-turn id is not among them, those of a stop sequence are.</param>
/// <param name="PromptTokens">Tokens of the prompt; of a session's turn the new ones.</param>
/// <param name="Stop">Why it ended.</param>
/// <param name="Receipt">What ran, what stayed, what it took.</param>
public sealed record GenerationResult(string Text, IReadOnlyList<int> TokenIds, int PromptTokens, StopReason Stop, Receipt Receipt)
{
    /// <summary>Generated tokens.</summary>
    public int GeneratedTokens => TokenIds.Count;
}

/// <summary>What a run did.</summary>
public sealed record Receipt
{
    /// <summary>Where it ran: <c>cpu, simulator, cuda, opencl</c>.</summary>
    public required string Device { get; init; }

    /// <summary>The policy, or null for a full cache.</summary>
    public required PolicyReceipt? Policy { get; init; }

    /// <summary>Every pass that ran for the policy, select and compact included.</summary>
    public required IReadOnlyList<KernelCount> Kernels { get; init; }

    /// <summary>[layer][KV head] tokens held after prefill and compression.</summary>
    public required IReadOnlyList<IReadOnlyList<int>> Kept { get; init; }

    /// <summary>[layer][KV head] tokens held after the last step.</summary>
    public required IReadOnlyList<IReadOnlyList<int>> KeptEnd { get; init; }

    /// <summary>Bytes of keys and values.</summary>
    public required CacheBytes CacheBytes { get; init; }

    /// <summary>Time by stage.</summary>
    public required StageSeconds Seconds { get; init; }

    /// <summary>Speed.</summary>
    public required TokenRates TokensPerSecond { get; init; }

    /// <summary>What a reader should know: <c>the prompt has no shots: kept whole</c>.</summary>
    public required IReadOnlyList<string> Notes { get; init; }
}

/// <summary>The policy of a run.</summary>
/// <param name="Name">Class name.</param>
/// <param name="Parameters">Every parameter's value in invariant form; <c>keep</c> and <c>decodeKeep</c> where it has those phases.</param>
public sealed record PolicyReceipt(string Name, IReadOnlyDictionary<string, string> Parameters);

/// <summary>Bytes of keys and values.</summary>
/// <param name="Full">What an uncompressed cache would hold at the end: tokens x layers x KV heads x head size x 2 x 4.</param>
/// <param name="AfterPrefill">Pages in use after prefill and compression.</param>
/// <param name="End">Pages in use after the last step.</param>
/// <param name="Peak">Most at any moment, staging included.</param>
public sealed record CacheBytes(long Full, long AfterPrefill, long End, long Peak);

/// <summary>Seconds by stage.</summary>
/// <param name="Load">Mapping the model and preparing its weights.</param>
/// <param name="Prefill">The prompt through the model, the policy's passes left out.</param>
/// <param name="Compress">The policy's passes after the prefill.</param>
/// <param name="Decode">All decode steps, their policy's passes included.</param>
public sealed record StageSeconds(double Load, double Prefill, double Compress, double Decode);

/// <summary>Tokens per second.</summary>
/// <param name="Prefill">Prompt tokens over prefill and compression; 0 where nothing was measured.</param>
/// <param name="Decode">Decode steps over their time; 0 where there were none.</param>
public sealed record TokenRates(double Prefill, double Decode);
