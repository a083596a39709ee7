namespace KvPolicy;

/// <summary>What a compressor must know of the prompt.</summary>
/// <param name="Tokens">n: tokens that are prefilled.</param>
/// <param name="Shots">[n] number of each token's shot, -1 outside; empty where the prompt has none.</param>
public sealed record PromptShape(int Tokens, IReadOnlyList<int> Shots);

/// <summary>Launches of one pass.</summary>
/// <param name="Name">Pass: <c>SnapKv.Score</c>, <c>Select</c>, <c>Compact</c>.</param>
/// <param name="Launches">How often it ran.</param>
public sealed record KernelCount(string Name, long Launches);

/// <summary>
/// A policy at work on one sequence on the host: score, select, compact after the prefill of each layer; score, evict after each decode
/// step. All state belongs to it and to the cache's keys. Obtained from <see cref="HostCompression.Create"/>.
/// </summary>
internal abstract class SequenceCompressor
{
    /// <summary>First prompt row whose query and log-sum-exp <see cref="PrefillLayer"/> reads; n where it reads none.</summary>
    public abstract int FirstObservedRow { get; }

    /// <summary>True where <see cref="DecodeLayer"/> reads <see cref="LayerView.Probabilities"/>.</summary>
    public abstract bool ReadsDecodeAttention { get; }

    /// <summary>True where anything can be evicted while decoding; otherwise <see cref="DecodeLayer"/> need not be called.</summary>
    public abstract bool Decodes { get; }

    /// <summary>Scores and compresses a layer whose prompt is wholly in the cache (LayerMajor), or keeps the scores where the budget is the model's (Deferred).</summary>
    /// <param name="layer">The layer; rows from <see cref="FirstObservedRow"/> on.</param>
    public abstract void PrefillLayer(in LayerView layer);

    /// <summary>Scores a layer after a chunk of the prompt was appended, and brings it back to the budget (ChunkMajor).</summary>
    /// <param name="layer">The layer: survivors and the chunk; the chunk's rows.</param>
    /// <param name="last">True for the prompt's last chunk.</param>
    public abstract void PrefillChunk(in LayerView layer, bool last);

    /// <summary>After the last layer's prefill: the model's selection where it was deferred.</summary>
    public abstract void FinishPrefill();

    /// <summary>Instead of a prefill: the cache holds what an earlier compressor of the same prompt left, decode steps included.</summary>
    internal virtual void Resume() => throw new NotSupportedException("This compressor cannot take over a cache.");

    /// <summary>After a layer's attention of a decode step: scores the held keys and evicts what is over the budget.</summary>
    /// <param name="layer">Held keys, the new one last; <see cref="LayerView.Length"/> counts it.</param>
    public abstract void DecodeLayer(in LayerView layer);

    /// <summary>Where to write the scores that competed, [layers, kvHeads, n] by position (NaN where there are none); set before the prefill, null for nobody looking.</summary>
    internal float[]? ScoreRecord { get; set; }

    /// <summary>Notes for the receipt: <c>the prompt has no shots: kept whole</c>.</summary>
    public abstract IReadOnlyList<string> Notes { get; }

    /// <summary>Every pass that ran, select and compact included.</summary>
    public abstract IReadOnlyList<KernelCount> Kernels { get; }
}
