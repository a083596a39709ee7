using KvPolicy.Inference.Ops;

namespace KvPolicy.Cli.Verification;

/// <summary>A sequence's store that hands every call to another one: what watches a store, or plants a fault in it, overrides what it needs.</summary>
internal abstract class ForwardingStore(SequenceStore inner) : SequenceStore
{
    /// <summary>The store behind.</summary>
    protected SequenceStore Inner { get; } = inner;

    /// <inheritdoc/>
    public override float[]? Scores => Inner.Scores;

    /// <inheritdoc/>
    public override long BytesInUse => Inner.BytesInUse;

    /// <inheritdoc/>
    public override long PeakBytes => Inner.PeakBytes;

    /// <inheritdoc/>
    public override double CompressSeconds => Inner.CompressSeconds;

    /// <inheritdoc/>
    public override IReadOnlyList<KernelCount> Kernels => Inner.Kernels;

    /// <inheritdoc/>
    public override IReadOnlyList<string> Notes => Inner.Notes;

    /// <inheritdoc/>
    public override void Append(int layer, MatrixRows qkv, int firstPosition) => Inner.Append(layer, qkv, firstPosition);

    /// <inheritdoc/>
    public override void PrefillAttention(int layer, MatrixRows qkv, int firstPosition, MatrixRows output) => Inner.PrefillAttention(layer, qkv, firstPosition, output);

    /// <inheritdoc/>
    public override void FinishLayer(int layer) => Inner.FinishLayer(layer);

    /// <inheritdoc/>
    public override void FinishChunk(int layer, bool last) => Inner.FinishChunk(layer, last);

    /// <inheritdoc/>
    public override void FinishPrefill() => Inner.FinishPrefill();

    /// <inheritdoc/>
    public override bool CanContinue => Inner.CanContinue;

    /// <inheritdoc/>
    public override bool EvictsWhileDecoding => Inner.EvictsWhileDecoding;

    /// <inheritdoc/>
    public override void BeginRows(PromptShape? turn) => Inner.BeginRows(turn);

    /// <inheritdoc/>
    public override SequenceStore Fork(StoreRequest request) => Inner.Fork(request);

    /// <inheritdoc/>
    public override void DecodeAttention(int layer, MatrixRows qkv, int position, MatrixRows output) => Inner.DecodeAttention(layer, qkv, position, output);

    /// <inheritdoc/>
    public override int Held(int layer, int kvHead) => Inner.Held(layer, kvHead);

    /// <inheritdoc/>
    public override int[] Positions(int layer, int kvHead) => Inner.Positions(layer, kvHead);

    /// <inheritdoc/>
    public override void Dispose() => Inner.Dispose();
}
