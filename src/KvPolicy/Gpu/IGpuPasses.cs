using System.Reflection;
using ILGPU;
using ILGPU.Runtime;

namespace KvPolicy;

/// <summary>A kernel that can be compiled and listed without a device.</summary>
/// <param name="Name">As receipts and PTX name it: <c>SnapKv.Score</c>.</param>
/// <param name="Method">Static method; explicitly grouped.</param>
/// <param name="GroupSize">Threads of a group.</param>
/// <param name="Summary">Thread mapping in one line.</param>
public sealed record GpuKernel(string Name, MethodInfo Method, int GroupSize, string Summary);

/// <summary>A policy's own GPU passes, loaded for one accelerator. Launches go through <see cref="Gpu.Kernel{TArguments}"/> to the stream and return at once.</summary>
public interface IGpuPasses
{
    /// <summary>After the prefill: scores of every held key; adds to the state where the plan has one.</summary>
    /// <param name="stream">Stream.</param>
    /// <param name="layer">Keys, values, observed queries, log-sum-exp.</param>
    /// <param name="scores">[heads, layer.ScoreStride]; heads is 1 where shared.</param>
    void Score(AcceleratorStream stream, GpuLayer layer, ArrayView<float> scores);

    /// <summary>Pools the scores of the competing keys.</summary>
    /// <param name="stream">Stream.</param>
    /// <param name="scores">[heads, stride]; only the competing are read.</param>
    /// <param name="pooled">[heads, stride], by slot as the scores are; only the competing are written.</param>
    /// <param name="heads">Rows of both.</param>
    /// <param name="stride">Floats from a head to the next.</param>
    /// <param name="first">First competing key.</param>
    /// <param name="count">Competing keys.</param>
    void Pool(AcceleratorStream stream, ArrayView<float> scores, ArrayView<float> pooled, int heads, int stride, int first, int count);

    /// <summary>After the attention of a decode step: scores of every held key; adds to the state where the plan has one.</summary>
    /// <param name="stream">Stream.</param>
    /// <param name="layer">Held keys, values, this step's probabilities.</param>
    /// <param name="scores">[heads, layer.ScoreStride]</param>
    void Decode(AcceleratorStream stream, GpuLayer layer, ArrayView<float> scores);
}

/// <summary>
/// One layer of one sequence as kernels see it: the same tiles as on the host. Page p of the pool is keys [headDim, 32] at
/// p * headDim * 32 of <see cref="Keys"/>, values [32, headDim] at the same place of <see cref="Values"/>, positions and state [32] at p * 32.
/// A public struct, because it stands in the signature of kernels.
/// </summary>
public struct GpuLayer
{
    /// <summary>Keys of the pool's pages: [pages, headDim, 32].</summary>
    public ArrayView<float> Keys;

    /// <summary>Values of the pool's pages: [pages, 32, headDim].</summary>
    public ArrayView<float> Values;

    /// <summary>Positions: [pages, 32].</summary>
    public ArrayView<int> Positions;

    /// <summary>The policy's float a key: [pages, 32]; one element where there is none.</summary>
    public ArrayView<float> State;

    /// <summary>Page numbers of this layer's heads: [kvHeads, PageStride].</summary>
    public ArrayView<int> Pages;

    /// <summary>Held keys of this layer's heads: [kvHeads].</summary>
    public ArrayView<int> Held;

    /// <summary>Observed queries after RoPE: [Rows, queryHeads, headDim]. Empty while decoding.</summary>
    public ArrayView<float> Queries;

    /// <summary>Log-sum-exp of the observed rows: [queryHeads, Rows].</summary>
    public ArrayView<float> LogSumExp;

    /// <summary>This step's attention probabilities: [queryHeads, ScoreStride]. Empty after a prefill.</summary>
    public ArrayView<float> Probabilities;

    /// <summary>Shot of each prompt position, -1 outside: [prompt]. Empty while decoding, and where shots do not compete.</summary>
    public ArrayView<int> Shots;

    /// <summary>Entries from a head's page numbers to the next head's.</summary>
    public int PageStride;

    /// <summary>Floats from a head's scores (or probabilities) to the next head's; a multiple of 32, at least the held keys.</summary>
    public int ScoreStride;

    /// <summary>Query heads.</summary>
    public int QueryHeads;

    /// <summary>KV heads.</summary>
    public int KvHeads;

    /// <summary>Channels of a head.</summary>
    public int HeadDim;

    /// <summary>Observed queries at hand.</summary>
    public int Rows;

    /// <summary>Position of observed row 0.</summary>
    public int FirstRowPosition;

    /// <summary>0 for none.</summary>
    public int SlidingWindow;

    /// <summary>Tokens of the sequence so far: the <c>length</c> signal.</summary>
    public int Length;

    /// <summary>Index of the layer.</summary>
    public int Layer;

    /// <summary>Layers of the model.</summary>
    public int Layers;

    /// <summary>Most held keys of any head: how many tiles a launch covers.</summary>
    public int MaxHeld;

    /// <summary>True where each key carries the policy's float.</summary>
    public readonly bool HasState => State.Length > 1;

    /// <summary>Shot of a position, counted from 0 in the order of their numbers; -1 outside shots, and wherever shots do not compete.</summary>
    public readonly int Shot(int position) => position >= 0 && position < Shots.Length ? Shots[position] : -1;

    /// <summary>Page of the pool that holds a tile of a KV head.</summary>
    public readonly int Page(int kvHead, int tile) => Pages[kvHead * PageStride + tile];

    /// <summary>Where a slot of a KV head lies in <see cref="Positions"/>, and in <see cref="State"/>.</summary>
    public readonly long Slot(int kvHead, int slot) => (long)Page(kvHead, slot / LayerView.TileKeys) * LayerView.TileKeys + slot % LayerView.TileKeys;

    /// <summary>Where a tile starts in <see cref="Keys"/>, and in <see cref="Values"/>.</summary>
    public readonly long Tile(int kvHead, int tile) => (long)Page(kvHead, tile) * HeadDim * LayerView.TileKeys;
}
