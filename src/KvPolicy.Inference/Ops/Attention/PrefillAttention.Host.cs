using KvPolicy.Inference.Ops.Products;

namespace KvPolicy.Inference.Ops.Attention;

/// <summary>
/// Causal attention of a chunk of rows over the tiles of a layer, without ever holding a row of logits: 128 keys at a time with a running
/// maximum. An item is one KV head and a block of rows, all query heads of the group, so that a tile is fetched once for all of them.
/// Key blocks begin at multiples of 128 slots and invisible keys add exact zeros, so a row's bits depend on that row alone.
/// </summary>
internal readonly unsafe struct PrefillAttentionWork : IWork
{
    /// <summary>Rows of an item.</summary>
    internal const int RowBlock = 32;

    private const int Tile = LayerView.TileKeys;
    private const int BlockTiles = 4;
    private const int BlockKeys = BlockTiles * Tile;

    private readonly LayerPages _pages;
    private readonly HeadShape _heads;
    private readonly int _window;
    private readonly float* _queries;
    private readonly int _firstPosition;
    private readonly int _rows;
    private readonly float* _output;
    private readonly float* _logSumExp;
    private readonly long _logSumExpStride;
    private readonly int _firstObserved;
    private readonly WorkerScratch _scratch;

    private PrefillAttentionWork(LayerPages pages, HeadShape heads, int window, float* queries, int firstPosition, int rows, float* output, LogSumExpTarget target, WorkerScratch scratch)
    {
        _pages = pages;
        _heads = heads;
        _window = window;
        _queries = queries;
        _firstPosition = firstPosition;
        _rows = rows;
        _output = output;
        _logSumExp = target.Data;
        _logSumExpStride = target.Stride;
        _firstObserved = target.FirstRow;
        _scratch = scratch;
    }

    /// <summary>Attends.</summary>
    /// <param name="pages">The layer; the rows' own keys are in it. Positions ascend with slots.</param>
    /// <param name="heads">Sizes.</param>
    /// <param name="window">Sliding window, 0 for none.</param>
    /// <param name="qkv">[rows, heads.RowSize]: q first, after RoPE.</param>
    /// <param name="firstPosition">Position of row 0.</param>
    /// <param name="rows">Rows.</param>
    /// <param name="output">[rows, queryHeads * headDim]</param>
    /// <param name="target">Where log-sum-exp goes.</param>
    /// <param name="workers">Threads.</param>
    /// <param name="scratch">For sums and logits.</param>
    public static void Attend(LayerPages pages, HeadShape heads, int window, float* qkv, int firstPosition, int rows, float* output, LogSumExpTarget target, WorkerPool workers, WorkerScratch scratch)
    {
        var work = new PrefillAttentionWork(pages, heads, window, qkv, firstPosition, rows, output, target, scratch);
        workers.Run((rows + RowBlock - 1) / RowBlock * heads.KvHeads, ref work);
    }

    /// <inheritdoc/>
    public void Run(int item, int worker)
    {
        // The last rows see most keys: they go first, so that no thread is left with a long item at the end.
        int blocks = (_rows + RowBlock - 1) / RowBlock;
        int kvHead = item % _heads.KvHeads, first = (blocks - 1 - item / _heads.KvHeads) * RowBlock;
        int rows = Math.Min(RowBlock, _rows - first), group = _heads.QueryHeads / _heads.KvHeads;
        long sums = (long)group * RowBlock * _heads.HeadDim;
        float* memory = _scratch.Of(worker, sums + RowBlock * BlockKeys + 2 * group * RowBlock);
        var state = new State(memory, memory + sums, memory + sums + RowBlock * BlockKeys, memory + sums + RowBlock * BlockKeys + group * RowBlock);
        new Span<float>(state.Sums, (int)sums).Clear();
        new Span<float>(state.Maxima, group * RowBlock).Fill(float.NegativeInfinity);
        new Span<float>(state.Totals, group * RowBlock).Clear();
        (int from, int to) = VisibleTiles(kvHead, _firstPosition + first, _firstPosition + first + rows - 1);
        for (int block = from / BlockTiles * BlockTiles; block < to; block += BlockTiles)
        {
            int tile = Math.Max(block, from), end = Math.Min(block + BlockTiles, to);
            for (int g = 0; g < group; g++) KeyBlock(state, kvHead, g, first, rows, tile, end);
        }

        for (int g = 0; g < group; g++) Finish(state, kvHead * group + g, g, first, rows);
    }

    /// <summary>What an item carries from one key block to the next, for each query head of the group and row.</summary>
    private readonly struct State(float* sums, float* logits, float* maxima, float* totals)
    {
        /// <summary>[group, RowBlock, headDim]</summary>
        public readonly float* Sums = sums;

        /// <summary>[RowBlock, BlockKeys]</summary>
        public readonly float* Logits = logits;

        /// <summary>[group, RowBlock]</summary>
        public readonly float* Maxima = maxima;

        /// <summary>[group, RowBlock]</summary>
        public readonly float* Totals = totals;
    }

    // Tiles that some row between the two positions sees: [From, To).
    private (int From, int To) VisibleTiles(int kvHead, int firstRow, int lastRow)
    {
        int from = 0, to = _pages.Tiles(kvHead), held = _pages.Held(kvHead);
        while (to > 0 && _pages.Positions(kvHead, to - 1)[0] > lastRow) to--;
        if (_window > 0)
        {
            while (from < to && firstRow - _pages.Positions(kvHead, from)[Math.Min(Tile, held - from * Tile) - 1] >= _window) from++;
        }

        return (from, to);
    }

    private void KeyBlock(State state, int kvHead, int g, int firstRow, int rows, int tile, int end)
    {
        int group = _heads.QueryHeads / _heads.KvHeads, dim = _heads.HeadDim;
        float* q = _queries + (long)firstRow * _heads.RowSize + (long)(kvHead * group + g) * dim;
        for (int t = tile; t < end; t++)
        {
            float* logits = state.Logits + (t - tile) * Tile;
            MicroKernel.Multiply(q, _heads.RowSize, rows, _pages.Keys(kvHead, t), Tile, dim, logits, BlockKeys, add: false);
            Mask(logits, kvHead, t, _firstPosition + firstRow, rows);
        }

        float* sums = state.Sums + (long)g * RowBlock * dim;
        float scale = 1f / MathF.Sqrt(dim);
        for (int r = 0; r < rows; r++)
        {
            int i = g * RowBlock + r;
            RunningSoftmax.Step(state.Logits + r * BlockKeys, (end - tile) * Tile, scale, ref state.Maxima[i], ref state.Totals[i], sums + r * dim, dim);
        }

        for (int t = tile; t < end; t++) ValueProduct.Add(state.Logits + (t - tile) * Tile, BlockKeys, rows, _pages.Values(kvHead, t), Tile, dim, sums, dim);
    }

    private void Mask(float* logits, int kvHead, int tile, int position, int rows)
    {
        int* positions = _pages.Positions(kvHead, tile);
        int count = Math.Min(Tile, _pages.Held(kvHead) - tile * Tile);
        bool allSee = count == Tile && positions[Tile - 1] <= position && (_window == 0 || position + rows - 1 - positions[0] < _window);
        if (allSee) return;
        for (int r = 0; r < rows; r++) RunningSoftmax.MaskTile(logits + r * BlockKeys, positions, count, position + r, _window);
    }

    private void Finish(State state, int queryHead, int g, int firstRow, int rows)
    {
        int dim = _heads.HeadDim;
        for (int r = 0; r < rows; r++)
        {
            float total = state.Totals[g * RowBlock + r];
            float* sums = state.Sums + (long)(g * RowBlock + r) * dim;
            float* target = _output + (long)(firstRow + r) * _heads.QuerySize + (long)queryHead * dim;
            float inverse = 1f / total;
            for (int c = 0; c < dim; c++) target[c] = sums[c] * inverse;
            int observed = firstRow + r - _firstObserved;
            if (observed >= 0) _logSumExp[queryHead * _logSumExpStride + observed] = state.Maxima[g * RowBlock + r] + MathF.Log(total);
        }
    }
}

/// <summary>Where a chunk's log-sum-exp goes.</summary>
/// <param name="data">[queryHeads, stride], from the chunk's first observed row on.</param>
/// <param name="stride">Floats from a query head to the next.</param>
/// <param name="firstRow">First row of the chunk that is observed; the number of its rows where none is.</param>
internal readonly unsafe struct LogSumExpTarget(float* data, long stride, int firstRow)
{
    /// <summary>[queryHeads, Stride]</summary>
    public readonly float* Data = data;

    /// <summary>Floats from a query head to the next.</summary>
    public readonly long Stride = stride;

    /// <summary>First observed row.</summary>
    public readonly int FirstRow = firstRow;
}
