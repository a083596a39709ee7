using KvPolicy.Inference.Models;

namespace KvPolicy.Inference.Ops;

/// <summary>What a device must know to hold one sequence.</summary>
/// <param name="Config">The model.</param>
/// <param name="Capacity">Most tokens of the sequence, prompt included.</param>
/// <param name="Policy">The policy, or null for a full cache.</param>
/// <param name="Prompt">The prompt.</param>
/// <param name="Schedule">Order of the prefill.</param>
/// <param name="RecordScores">Keep the prefill's scores where the device can: <see cref="SequenceStore.Scores"/>. The score pass then runs although nothing is evicted.</param>
internal sealed record StoreRequest(ModelConfig Config, int Capacity, IKvPolicy? Policy, PromptShape Prompt, PrefillSchedule Schedule, bool RecordScores = false)
{
    /// <summary>Keeps the queries and log-sum-exp of every row of every layer, so that <see cref="SequenceStore.Fork"/> can run other policies on them. Needs a full cache and LayerMajor.</summary>
    public bool Record { get; init; }
}

/// <summary>
/// Keys and values of one sequence on a device, with the policy that compresses them.
/// LayerMajor: for each layer, for each chunk of rows <see cref="Append"/> and <see cref="PrefillAttention"/>, then <see cref="FinishLayer"/>; at the end <see cref="FinishPrefill"/>.
/// ChunkMajor: for each chunk, for each layer <see cref="Append"/>, <see cref="PrefillAttention"/>, <see cref="FinishChunk"/>; at the end <see cref="FinishPrefill"/>.
/// Decode: for each layer <see cref="Append"/> and <see cref="DecodeAttention"/>, which evicts.
/// Where <see cref="CanContinue"/>, more rows may follow at any time: <see cref="BeginRows"/>, then as a LayerMajor prefill, but with <see cref="FinishChunk"/> after each layer of a turn.
/// </summary>
internal abstract class SequenceStore : IDisposable
{
    /// <summary>Appends k and v of every row to all KV heads of a layer.</summary>
    /// <param name="layer">Layer.</param>
    /// <param name="qkv">[rows, (queryHeads + 2 kvHeads) * headDim]: q, k (both after RoPE), v.</param>
    /// <param name="firstPosition">Position of row 0.</param>
    public abstract void Append(int layer, MatrixRows qkv, int firstPosition);

    /// <summary>
    /// Causal attention (and the model's sliding window) of rows that were just appended, over everything the layer holds, their own
    /// keys included. Keeps the queries and log-sum-exp of the rows that the policy observes until the layer (or chunk) is finished.
    /// </summary>
    /// <param name="layer">Layer.</param>
    /// <param name="qkv">As given to <see cref="Append"/>.</param>
    /// <param name="firstPosition">Position of row 0.</param>
    /// <param name="output">[rows, queryHeads * headDim]</param>
    public abstract void PrefillAttention(int layer, MatrixRows qkv, int firstPosition, MatrixRows output);

    /// <summary>The prompt is wholly in the layer (LayerMajor): compress it, or keep its scores where the budget is the model's.</summary>
    public abstract void FinishLayer(int layer);

    /// <summary>A chunk of the prompt is in the layer (ChunkMajor): bring it back to the budget.</summary>
    /// <param name="layer">Layer.</param>
    /// <param name="last">True for the prompt's last chunk.</param>
    public abstract void FinishChunk(int layer, bool last);

    /// <summary>All layers hold the prompt: the model's selection where it was deferred.</summary>
    public abstract void FinishPrefill();

    /// <summary>True where further rows can follow a prefill, and where <see cref="Fork"/> works.</summary>
    public virtual bool CanContinue => false;

    /// <summary>True where decoding evicts.</summary>
    public virtual bool EvictsWhileDecoding => false;

    /// <summary>More rows follow, over what is held.</summary>
    /// <param name="turn">The sequence with the new rows, where its budget is to hold for the whole of it; null where the rows are read and stay.</param>
    public virtual void BeginRows(PromptShape? turn) => throw new NotSupportedException("This device cannot continue a sequence.");

    /// <summary>A new sequence with the first tokens of this recorded one, compressed by another policy. This store stays as it is.</summary>
    /// <param name="request">Policy, prompt (no longer than the recorded one) and capacity of the new sequence.</param>
    public virtual SequenceStore Fork(StoreRequest request) => throw new NotSupportedException("This device cannot fork a sequence.");

    /// <summary>Keys and values, where they lie in this process's memory.</summary>
    public virtual KvCache HostCache => throw new NotSupportedException("This device keeps its keys and values to itself.");

    /// <summary>Instead of a prefill: <see cref="HostCache"/> was filled with what a store of the same request held after so many tokens.</summary>
    /// <param name="length">Tokens that went through the cache.</param>
    public virtual void Resume(int length) => throw new NotSupportedException("This device cannot take over a sequence.");

    /// <summary>Attention of one new token over everything the layer holds, then the policy's eviction.</summary>
    /// <param name="layer">Layer.</param>
    /// <param name="qkv">[1, ...] as given to <see cref="Append"/>.</param>
    /// <param name="position">Position of the token.</param>
    /// <param name="output">[1, queryHeads * headDim]</param>
    public abstract void DecodeAttention(int layer, MatrixRows qkv, int position, MatrixRows output);

    /// <summary>Held keys of a head.</summary>
    public abstract int Held(int layer, int kvHead);

    /// <summary>Positions of a head's held keys, in the order of their slots.</summary>
    public abstract int[] Positions(int layer, int kvHead);

    /// <summary>[layers, kvHeads, n] scores that competed after the prefill, by position, NaN where there are none; null where nobody asked, or the device records none.</summary>
    public virtual float[]? Scores => null;

    /// <summary>Bytes of keys and values now held: pages in use.</summary>
    public abstract long BytesInUse { get; }

    /// <summary>Most bytes of keys and values held at once; scratch that holds keys or values included.</summary>
    public abstract long PeakBytes { get; }

    /// <summary>Seconds spent in the policy's passes so far; on a device that runs ahead of the host, until they were waited for.</summary>
    public abstract double CompressSeconds { get; }

    /// <summary>Every pass that ran for the policy, select and compact included; empty without one.</summary>
    public abstract IReadOnlyList<KernelCount> Kernels { get; }

    /// <summary>Notes for the receipt.</summary>
    public abstract IReadOnlyList<string> Notes { get; }

    /// <inheritdoc/>
    public abstract void Dispose();
}
