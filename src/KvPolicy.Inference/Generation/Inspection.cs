namespace KvPolicy.Inference;

/// <summary>Which tokens of one run every layer and KV head kept, and the scores that decided.</summary>
public sealed record Inspection
{
    /// <summary>What <see cref="InferenceEngine.Generate(GenerationRequest, CancellationToken)"/> gives.</summary>
    public required GenerationResult Result { get; init; }

    /// <summary>Prompt and generated tokens in the order of their positions. Their texts joined are the text of the run.</summary>
    public required IReadOnlyList<InspectedToken> Tokens { get; init; }

    /// <summary>Tokens whose keys went through the cache: the last generated token is mostly not among them, since nothing followed it.</summary>
    public required int CachedTokens { get; init; }

    /// <summary>k after the prefill: what stays per layer and KV head of the prompt, protected tokens counted; null where the prefill never evicts.</summary>
    public required int? Budget { get; init; }

    /// <summary>What stays in the last decode step, frozen prompt tokens not counted; null where decoding never evicts, or had no step.</summary>
    public required int? DecodeBudget { get; init; }

    /// <summary>[layer][KV head]</summary>
    public required IReadOnlyList<IReadOnlyList<InspectedHead>> Heads { get; init; }

    /// <summary>True where scores were recorded; why not stands in <see cref="Notes"/>.</summary>
    public required bool HasScores { get; init; }

    /// <summary>What a reader should know, the receipt's notes included.</summary>
    public required IReadOnlyList<string> Notes { get; init; }
}

/// <summary>A token of an inspected run.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Text">The characters that it completes: empty where it leaves one incomplete. Special tokens give their text.</param>
/// <param name="Shot">Number of its shot, -1 outside.</param>
public sealed record InspectedToken(int Id, string Text, int Shot);

/// <summary>What one KV head of one layer kept. Positions ascend.</summary>
public sealed record InspectedHead
{
    /// <summary>[n] scores that competed after the prefill, a unit's at each of its tokens; NaN where a token had none.</summary>
    public required IReadOnlyList<float> Scores { get; init; }

    /// <summary>Positions held after prefill and compression.</summary>
    public required IReadOnlyList<int> Kept { get; init; }

    /// <summary>Positions held after the last step.</summary>
    public required IReadOnlyList<int> KeptEnd { get; init; }

    /// <summary>Those of <see cref="Kept"/> that did not compete: sinks, recent tokens, tokens outside shots where shots compete. Empty where there was no competition.</summary>
    public required IReadOnlyList<int> Protected { get; init; }

    /// <summary>Those of <see cref="KeptEnd"/> that took no part in the last competition: as <see cref="Protected"/>, or while decoding sinks, the newest, a frozen prompt.</summary>
    public required IReadOnlyList<int> ProtectedEnd { get; init; }
}
