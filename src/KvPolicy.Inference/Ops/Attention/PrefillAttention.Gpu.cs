using ILGPU;
using ILGPU.Runtime;
using KvPolicy.Gpu;

namespace KvPolicy.Inference.Ops.Attention;

/// <summary>Arguments of <see cref="PrefillAttentionGpu.Attend"/>.</summary>
internal struct PrefillAttentionArguments
{
    /// <summary>The layer, the rows' own keys included; slots in the order of positions.</summary>
    public GpuLayer Layer;

    /// <summary>q, then k, then v: [Rows, RowSize].</summary>
    public ArrayView<float> Qkv;

    /// <summary>[Rows, queryHeads * headDim]</summary>
    public ArrayView<float> Output;

    /// <summary>Queries that the policy observes, copied here: [observed, queryHeads * headDim]; one element for none.</summary>
    public ArrayView<float> Queries;

    /// <summary>Their log-sum-exp: [queryHeads, Observed].</summary>
    public ArrayView<float> LogSumExp;

    /// <summary>Rows.</summary>
    public int Rows;

    /// <summary>Floats of a row.</summary>
    public int RowSize;

    /// <summary>Position of row 0.</summary>
    public int FirstPosition;

    /// <summary>Position of the first observed row.</summary>
    public int FirstObserved;

    /// <summary>Observed rows of the whole prompt (or chunk); 0 for none.</summary>
    public int Observed;
}

/// <summary>Causal attention of many rows in one pass over the keys: running maximum and sum, no matrix of rows x keys in memory.</summary>
internal static class PrefillAttentionGpu
{
    /// <summary>Rows of a group.</summary>
    public const int Rows = 32;

    /// <summary>Most channels of a head: what the tiles in shared memory are made for.</summary>
    public const int MaxHeadDim = 128;

    private const int GroupSize = 128;
    private const int Keys = LayerView.TileKeys;

    /// <summary>Floats from a row of logits to the next: no two rows of a key share a bank.</summary>
    private const int LogitStride = Keys + 1;

    /// <summary>
    /// A warp owns 8 rows and walks the key tiles on its own. Logits: lane = key, 8 rows in registers. Softmax: 4 lanes a row. Values:
    /// lane = channel, 8 rows in registers. Rows before <see cref="PrefillAttentionArguments.FirstObserved"/> leave nothing for the policy.
    /// </summary>
    [Kernel(GroupSize, "one group 32 rows of a query head, one warp 8 of them; grid (rows / 32, query heads)")]
    public static void Attend(PrefillAttentionArguments a)
    {
        ArrayView<Float4> queries = SharedMemory.Allocate<Float4>(MaxHeadDim * Rows / 4);   // [channels, 32 rows]
        ArrayView<float> sums = SharedMemory.Allocate<float>(Rows * MaxHeadDim);            // [32 rows, channels]
        ArrayView<float> logits = SharedMemory.Allocate<float>(Rows * LogitStride);         // [32 rows, keys]
        ArrayView<Float4> weights = SharedMemory.Allocate<Float4>(Keys * Rows / 4);         // [keys, 32 rows]
        ArrayView<float> scales = SharedMemory.Allocate<float>(Rows);                       // [32 rows]
        var rows = new RowBlock(a);
        LoadQueries(a, rows, queries.Cast<float>(), sums);
        Group.Barrier();
        // Of the row that this lane's quarter of a softmax belongs to.
        var softmax = new RunningRow { Maximum = float.NegativeInfinity, Sum = 0f };
        int held = a.Layer.Held[rows.KvHead];
        for (int tile = 0; tile * Keys < held; tile++)
        {
            int tileKeys = Math.Min(Keys, held - tile * Keys);
            if (rows.PassesOver(a, tile, tileKeys)) continue;
            Logits(a, rows, tile, tileKeys, queries, logits);
            Warp.Barrier();
            softmax = softmax.Take(rows, logits, weights.Cast<float>(), scales);
            Warp.Barrier();
            AddValues(a, rows, tile, tileKeys, weights, scales, sums);
            Warp.Barrier();
        }

        if (rows.Quarter == 0) scales[rows.SoftmaxRow] = softmax.Sum;
        Warp.Barrier();
        WriteOutput(a, rows, sums, scales);
        if (rows.Quarter == 0) WriteLogSumExp(a, rows, softmax);
    }

    // The head's queries of 32 rows, turned so that 8 rows of a channel lie side by side; observed ones go to the policy as well.
    private static void LoadQueries(PrefillAttentionArguments a, RowBlock rows, ArrayView<float> queries, ArrayView<float> sums)
    {
        int dim = a.Layer.HeadDim;
        for (int i = Group.IdxX; i < Rows * dim; i += GroupSize)
        {
            int r = i / dim, c = i % dim, row = rows.First + r;
            float query = row < a.Rows ? a.Qkv[(long)row * a.RowSize + (long)rows.Head * dim + c] : 0f;
            queries[c * Rows + r] = query;
            sums[r * dim + c] = 0f;
            int observed = a.FirstPosition + row - a.FirstObserved;
            if (row < a.Rows && observed >= 0 && observed < a.Observed) a.Queries[((long)observed * a.Layer.QueryHeads + rows.Head) * dim + c] = query;
        }
    }

    private static void Logits(PrefillAttentionArguments a, RowBlock rows, int tile, int tileKeys, ArrayView<Float4> queries, ArrayView<float> logits)
    {
        int dim = a.Layer.HeadDim;
        long keys = a.Layer.Tile(rows.KvHead, tile) + rows.Lane;
        var (low, high) = (new Float4(0f, 0f, 0f, 0f), new Float4(0f, 0f, 0f, 0f));
        for (int c = 0; c < dim; c++)
        {
            float key = a.Layer.Keys[keys + c * Keys];
            low = low.Add(key, queries[c * (Rows / 4) + rows.Warp * 2]);
            high = high.Add(key, queries[c * (Rows / 4) + rows.Warp * 2 + 1]);
        }

        int position = a.Layer.Positions[a.Layer.Slot(rows.KvHead, tile * Keys + rows.Lane)];
        float scale = 1f / MathF.Sqrt(dim);
        bool held = rows.Lane < tileKeys;
        int first = a.FirstPosition + rows.First + rows.Warp * 8, at = rows.Warp * 8 * LogitStride + rows.Lane;
        logits[at] = Masked(a, held, position, first, low.X * scale);
        logits[at + LogitStride] = Masked(a, held, position, first + 1, low.Y * scale);
        logits[at + 2 * LogitStride] = Masked(a, held, position, first + 2, low.Z * scale);
        logits[at + 3 * LogitStride] = Masked(a, held, position, first + 3, low.W * scale);
        logits[at + 4 * LogitStride] = Masked(a, held, position, first + 4, high.X * scale);
        logits[at + 5 * LogitStride] = Masked(a, held, position, first + 5, high.Y * scale);
        logits[at + 6 * LogitStride] = Masked(a, held, position, first + 6, high.Z * scale);
        logits[at + 7 * LogitStride] = Masked(a, held, position, first + 7, high.W * scale);
    }

    private static float Masked(PrefillAttentionArguments a, bool held, int key, int row, float logit)
    {
        bool visible = held && key <= row && (a.Layer.SlidingWindow == 0 || row - key < a.Layer.SlidingWindow);
        return visible ? logit : float.NegativeInfinity;
    }

    private static void AddValues(PrefillAttentionArguments a, RowBlock rows, int tile, int tileKeys, ArrayView<Float4> weights, ArrayView<float> scales, ArrayView<float> sums)
    {
        int dim = a.Layer.HeadDim;
        for (int c = rows.Lane; c < dim; c += 32)
        {
            long values = a.Layer.Tile(rows.KvHead, tile) + c;
            var (low, high) = (new Float4(0f, 0f, 0f, 0f), new Float4(0f, 0f, 0f, 0f));
            for (int key = 0; key < tileKeys; key++)
            {
                float value = a.Layer.Values[values + (long)key * dim];
                low = low.Add(value, weights[key * (Rows / 4) + rows.Warp * 2]);
                high = high.Add(value, weights[key * (Rows / 4) + rows.Warp * 2 + 1]);
            }

            int row = rows.Warp * 8, at = row * dim + c;
            sums[at] = sums[at] * scales[row] + low.X;
            sums[at + dim] = sums[at + dim] * scales[row + 1] + low.Y;
            sums[at + 2 * dim] = sums[at + 2 * dim] * scales[row + 2] + low.Z;
            sums[at + 3 * dim] = sums[at + 3 * dim] * scales[row + 3] + low.W;
            sums[at + 4 * dim] = sums[at + 4 * dim] * scales[row + 4] + high.X;
            sums[at + 5 * dim] = sums[at + 5 * dim] * scales[row + 5] + high.Y;
            sums[at + 6 * dim] = sums[at + 6 * dim] * scales[row + 6] + high.Z;
            sums[at + 7 * dim] = sums[at + 7 * dim] * scales[row + 7] + high.W;
        }
    }

    private static void WriteOutput(PrefillAttentionArguments a, RowBlock rows, ArrayView<float> sums, ArrayView<float> totals)
    {
        int dim = a.Layer.HeadDim;
        for (int r = rows.Warp * 8; r < rows.Warp * 8 + 8; r++)
        {
            long target = ((long)(rows.First + r) * a.Layer.QueryHeads + rows.Head) * dim;
            if (rows.First + r >= a.Rows) continue;
            for (int c = rows.Lane; c < dim; c += 32) a.Output[target + c] = sums[r * dim + c] / totals[r];
        }
    }

    private static void WriteLogSumExp(PrefillAttentionArguments a, RowBlock rows, RunningRow softmax)
    {
        int row = rows.First + rows.SoftmaxRow, observed = a.FirstPosition + row - a.FirstObserved;
        if (row < a.Rows && observed >= 0 && observed < a.Observed) a.LogSumExp[(long)rows.Head * a.Observed + observed] = softmax.Maximum + MathF.Log(softmax.Sum);
    }

    /// <summary>Which rows and head a thread works on.</summary>
    private readonly struct RowBlock(PrefillAttentionArguments a)
    {
        public readonly int First = Grid.IdxX * PrefillAttentionGpu.Rows;
        public readonly int Head = Grid.IdxY;
        public readonly int KvHead = Grid.IdxY / (a.Layer.QueryHeads / a.Layer.KvHeads);
        public readonly int Warp = Group.IdxX / 32;
        public readonly int Lane = Group.IdxX % 32;

        /// <summary>Row of the group whose softmax this lane helps with: 4 lanes a row.</summary>
        public int SoftmaxRow => Warp * 8 + Lane / 4;

        /// <summary>Which 8 keys of the tile it looks at.</summary>
        public int Quarter => Lane % 4;

        /// <summary>True where no row of the group sees a key of the tile: positions ascend.</summary>
        public bool PassesOver(PrefillAttentionArguments a, int tile, int tileKeys)
        {
            int firstKey = a.Layer.Positions[a.Layer.Slot(KvHead, tile * Keys)], lastKey = a.Layer.Positions[a.Layer.Slot(KvHead, tile * Keys + tileKeys - 1)];
            int firstRow = a.FirstPosition + First, lastRow = a.FirstPosition + Math.Min(First + Rows, a.Rows) - 1;
            return firstKey > lastRow || (a.Layer.SlidingWindow > 0 && firstRow - lastKey >= a.Layer.SlidingWindow);
        }
    }

    /// <summary>Maximum and sum so far of one row's softmax; four lanes hold the same.</summary>
    private struct RunningRow
    {
        public float Maximum;
        public float Sum;

        /// <summary>Turns a tile's logits into weights and says by how much what was summed before shrinks.</summary>
        public readonly RunningRow Take(RowBlock rows, ArrayView<float> logits, ArrayView<float> weights, ArrayView<float> scales)
        {
            int row = rows.SoftmaxRow, first = rows.Quarter * 8;
            float maximum = Maximum;
            for (int key = first; key < first + 8; key++) maximum = Math.Max(maximum, logits[row * LogitStride + key]);
            maximum = Math.Max(maximum, ILGPU.Warp.ShuffleXor(maximum, 1));
            maximum = Math.Max(maximum, ILGPU.Warp.ShuffleXor(maximum, 2));
            // Nothing seen yet: all weights are 0, and minus infinity less itself is not a number.
            float origin = maximum == float.NegativeInfinity ? 0f : maximum;
            float sum = 0f;
            for (int key = first; key < first + 8; key++)
            {
                float weight = MathF.Exp(logits[row * LogitStride + key] - origin);
                weights[key * Rows + row] = weight;
                sum += weight;
            }

            sum += ILGPU.Warp.ShuffleXor(sum, 1);
            sum += ILGPU.Warp.ShuffleXor(sum, 2);
            float scale = MathF.Exp(Maximum - origin);
            if (rows.Quarter == 0) scales[row] = scale;
            return new RunningRow { Maximum = maximum, Sum = Sum * scale + sum };
        }
    }
}
