using ILGPU;
using ILGPU.Runtime;
using KvPolicy.Gpu;

namespace KvPolicy.Inference.Ops.Attention;

/// <summary>Arguments of the decode attention's two kernels.</summary>
internal struct DecodeAttentionArguments
{
    /// <summary>The layer, the new key included; slots in any order.</summary>
    public GpuLayer Layer;

    /// <summary>q, then k, then v of the new token.</summary>
    public ArrayView<float> Qkv;

    /// <summary>[queryHeads * headDim]</summary>
    public ArrayView<float> Output;

    /// <summary>Softmax of each query head: [queryHeads, Layer.ScoreStride]; not written where nobody reads it.</summary>
    public ArrayView<float> Probabilities;

    /// <summary>Sums of weighted values of each part of the keys: [parts, queryHeads, headDim].</summary>
    public ArrayView<float> PartSums;

    /// <summary>Maximum and sum of each part's softmax: [parts, queryHeads, 2].</summary>
    public ArrayView<float> PartTotals;

    /// <summary>Parts of <see cref="DecodeAttentionGpu.PartKeys"/> keys that the longest head has.</summary>
    public int Parts;

    /// <summary>Position of the new token.</summary>
    public int Position;

    /// <summary>1 where <see cref="Probabilities"/> is wanted.</summary>
    public int WantsProbabilities;
}

/// <summary>Attention of one new token: the keys are cut into parts that many groups work on, then the parts are put together.</summary>
internal static class DecodeAttentionGpu
{
    /// <summary>Keys of a part.</summary>
    public const int PartKeys = 256;

    private const int GroupSize = 128;
    private const int Keys = LayerView.TileKeys;
    private const int MaxHeadDim = PrefillAttentionGpu.MaxHeadDim;

    /// <summary>Query heads that share a walk over the keys, one warp each afterwards.</summary>
    private const int Quad = 4;

    /// <summary>
    /// Logits: a warp takes every fourth tile, lane = key, four query heads in registers. Softmax of the part: one warp a query head.
    /// Values: one warp a query head, lane = channel.
    /// </summary>
    [Kernel(GroupSize, "one group a part of 256 keys of a KV head, four of its query heads at a time; grid (parts, KV heads)")]
    public static void AttendPart(DecodeAttentionArguments a)
    {
        ArrayView<Float4> queries = SharedMemory.Allocate<Float4>(MaxHeadDim);          // [channels, 4 heads]
        ArrayView<float> weights = SharedMemory.Allocate<float>(Quad * PartKeys);       // [4 heads, keys]
        int kvHead = Grid.IdxY, part = Grid.IdxX, group = a.Layer.QueryHeads / a.Layer.KvHeads;
        int count = Math.Min(PartKeys, a.Layer.Held[kvHead] - part * PartKeys);
        // Heads are ragged: a shorter one has fewer parts. The whole group leaves together.
        if (count <= 0) return;
        for (int first = 0; first < group; first += Quad)
        {
            int heads = Math.Min(Quad, group - first), head = kvHead * group + first + Group.IdxX / 32;
            LoadQueries(a, kvHead * group + first, heads, queries.Cast<float>());
            Group.Barrier();
            Logits(a, kvHead, part, count, queries, weights);
            Group.Barrier();
            if (Group.IdxX / 32 < heads)
            {
                Softmax(a, head, part, count, weights.SubView(Group.IdxX / 32 * PartKeys, PartKeys));
                Warp.Barrier();
                Values(a, kvHead, head, part, count, weights.SubView(Group.IdxX / 32 * PartKeys, PartKeys));
            }

            Group.Barrier();
        }
    }

    /// <summary>Brings the parts to one maximum and one sum: output, and probabilities where they are wanted.</summary>
    [Kernel(GroupSize, "one group a query head, a thread a channel, then a key; grid (query heads, 1)")]
    public static void Combine(DecodeAttentionArguments a)
    {
        int head = Grid.IdxX, heads = a.Layer.QueryHeads, dim = a.Layer.HeadDim;
        int held = a.Layer.Held[head / (heads / a.Layer.KvHeads)], parts = (held + PartKeys - 1) / PartKeys;
        float maximum = float.NegativeInfinity, total = 0f;
        for (int part = 0; part < parts; part++) maximum = Math.Max(maximum, a.PartTotals[2 * (part * heads + head)]);
        for (int part = 0; part < parts; part++) total += a.PartTotals[2 * (part * heads + head) + 1] * MathF.Exp(a.PartTotals[2 * (part * heads + head)] - maximum);
        for (int c = Group.IdxX; c < dim; c += GroupSize)
        {
            float sum = 0f;
            for (int part = 0; part < parts; part++) sum += a.PartSums[((long)part * heads + head) * dim + c] * MathF.Exp(a.PartTotals[2 * (part * heads + head)] - maximum);
            a.Output[(long)head * dim + c] = sum / total;
        }

        if (a.WantsProbabilities == 0) return;
        for (int slot = Group.IdxX; slot < held; slot += GroupSize)
        {
            float scale = MathF.Exp(a.PartTotals[2 * (slot / PartKeys * heads + head)] - maximum) / total;
            a.Probabilities[(long)head * a.Layer.ScoreStride + slot] *= scale;
        }
    }

    private static void LoadQueries(DecodeAttentionArguments a, int firstHead, int heads, ArrayView<float> queries)
    {
        int dim = a.Layer.HeadDim;
        float scale = 1f / MathF.Sqrt(dim);
        for (int i = Group.IdxX; i < Quad * dim; i += GroupSize)
        {
            int head = i / dim, c = i % dim;
            queries[c * Quad + head] = head < heads ? a.Qkv[(long)(firstHead + head) * dim + c] * scale : 0f;
        }
    }

    private static void Logits(DecodeAttentionArguments a, int kvHead, int part, int count, ArrayView<Float4> queries, ArrayView<float> weights)
    {
        int lane = Group.IdxX % 32;
        for (int tile = Group.IdxX / 32; tile * Keys < count; tile += GroupSize / 32)
        {
            int at = tile * Keys + lane, slot = part * PartKeys + at;
            long keys = a.Layer.Tile(kvHead, slot / Keys) + lane;
            var sum = new Float4(0f, 0f, 0f, 0f);
            for (int c = 0; c < a.Layer.HeadDim; c++) sum = sum.Add(a.Layer.Keys[keys + c * Keys], queries[c]);
            int position = a.Layer.Positions[a.Layer.Slot(kvHead, slot)];
            bool visible = at < count && (a.Layer.SlidingWindow == 0 || a.Position - position < a.Layer.SlidingWindow);
            weights[at] = visible ? sum.X : float.NegativeInfinity;
            weights[PartKeys + at] = visible ? sum.Y : float.NegativeInfinity;
            weights[2 * PartKeys + at] = visible ? sum.Z : float.NegativeInfinity;
            weights[3 * PartKeys + at] = visible ? sum.W : float.NegativeInfinity;
        }
    }

    // Logits of one query head become weights against the part's own maximum.
    private static void Softmax(DecodeAttentionArguments a, int head, int part, int count, ArrayView<float> weights)
    {
        int lane = Group.IdxX % 32;
        float maximum = float.NegativeInfinity, sum = 0f;
        for (int at = lane; at < count; at += 32) maximum = Math.Max(maximum, weights[at]);
        for (int step = 16; step > 0; step /= 2) maximum = Math.Max(maximum, Warp.ShuffleXor(maximum, step));
        // A part that the window hides has no maximum; its weights are 0.
        float origin = maximum == float.NegativeInfinity ? 0f : maximum;
        for (int at = lane; at < count; at += 32)
        {
            float weight = MathF.Exp(weights[at] - origin);
            weights[at] = weight;
            sum += weight;
            if (a.WantsProbabilities != 0) a.Probabilities[(long)head * a.Layer.ScoreStride + part * PartKeys + at] = weight;
        }

        for (int step = 16; step > 0; step /= 2) sum += Warp.ShuffleXor(sum, step);
        if (lane != 0) return;
        a.PartTotals[2 * (part * a.Layer.QueryHeads + head)] = maximum;
        a.PartTotals[2 * (part * a.Layer.QueryHeads + head) + 1] = sum;
    }

    private static void Values(DecodeAttentionArguments a, int kvHead, int head, int part, int count, ArrayView<float> weights)
    {
        int dim = a.Layer.HeadDim;
        for (int c = Group.IdxX % 32; c < dim; c += 32)
        {
            float sum = 0f;
            for (int at = 0; at < count; at++)
            {
                int slot = part * PartKeys + at;
                sum += weights[at] * a.Layer.Values[a.Layer.Tile(kvHead, slot / Keys) + (long)(slot % Keys) * dim + c];
            }

            a.PartSums[((long)part * a.Layer.QueryHeads + head) * dim + c] = sum;
        }
    }
}
