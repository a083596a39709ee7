using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using KvPolicy.Inference.Ops.Products;

namespace KvPolicy.Inference.Ops.Attention;

/// <summary>
/// Attention of one new token. An item is one KV head and a split of its tiles, all query heads of the group; splits depend on the
/// number of tiles alone and are combined in order. Leaves the probabilities where a policy reads them.
/// </summary>
internal sealed unsafe class DecodeAttention : IDisposable
{
    private const int Tile = LayerView.TileKeys;

    /// <summary>Splits are at least this long, so that combining them costs little.</summary>
    private const int LeastTiles = 4;

    /// <summary>And at most so many, for the same reason.</summary>
    private const int MostSplits = 32;

    private const int SliceChannels = 8, SliceKeys = 8, FloatsOfLine = 16;

    private readonly HeadShape _heads;
    private readonly int _window;
    private readonly long _stride;
    private readonly float* _weights;   // [queryHeads, stride]: logits, then probabilities
    private readonly float* _partial;   // [queryHeads, MostSplits, headDim]
    private readonly float* _maxima;    // [queryHeads, MostSplits]
    private readonly float* _totals;    // [queryHeads, MostSplits]

    /// <summary>Scratch for at most <paramref name="capacity"/> keys.</summary>
    public DecodeAttention(HeadShape heads, int window, int capacity)
    {
        (_heads, _window) = (heads, window);
        _stride = (capacity + 1L + Tile - 1) / Tile * Tile;
        nuint splits = (nuint)(heads.QueryHeads * MostSplits);
        _weights = (float*)NativeMemory.AlignedAlloc((nuint)heads.QueryHeads * (nuint)_stride * sizeof(float), 64);
        _partial = (float*)NativeMemory.AlignedAlloc(splits * (nuint)heads.HeadDim * sizeof(float), 64);
        _maxima = (float*)NativeMemory.AlignedAlloc(splits * sizeof(float), 64);
        _totals = (float*)NativeMemory.AlignedAlloc(splits * sizeof(float), 64);
    }

    /// <summary>After <see cref="Attend"/> with probabilities: [queryHeads, <see cref="Stride"/>].</summary>
    public float* Probabilities => _weights;

    /// <summary>Floats from a query head's probabilities to the next head's.</summary>
    public long Stride => _stride;

    /// <summary>Attends.</summary>
    /// <param name="pages">The layer; the token's own key is in it. Slots in any order.</param>
    /// <param name="qkv">q first, after RoPE.</param>
    /// <param name="position">Position of the token.</param>
    /// <param name="output">[queryHeads * headDim]</param>
    /// <param name="probabilities">Leave them.</param>
    /// <param name="workers">Threads.</param>
    public void Attend(LayerPages pages, float* qkv, int position, float* output, bool probabilities, WorkerPool workers)
    {
        var work = new SplitWork(this, pages, qkv, position);
        int items = 0, tiles = 0;
        for (int h = 0; h < _heads.KvHeads; h++)
        {
            items += SplitsOf(pages.Tiles(h));
            tiles += pages.Tiles(h);
        }

        if (tiles <= LeastTiles)
        {
            for (int i = 0; i < items; i++) work.Run(i, 0);
        }
        else
        {
            workers.Run(items, ref work);
        }

        for (int h = 0; h < _heads.QueryHeads; h++) Combine(pages, h, output + (long)h * _heads.HeadDim, probabilities);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        NativeMemory.AlignedFree(_weights);
        NativeMemory.AlignedFree(_partial);
        NativeMemory.AlignedFree(_maxima);
        NativeMemory.AlignedFree(_totals);
    }

    private static int TilesPerSplit(int tiles) => Math.Max(LeastTiles, (tiles + MostSplits - 1) / MostSplits);

    private static int SplitsOf(int tiles) => (tiles + TilesPerSplit(tiles) - 1) / TilesPerSplit(tiles);

    private void Split(LayerPages pages, int kvHead, int split, float* qkv, int position)
    {
        int tiles = pages.Tiles(kvHead), per = TilesPerSplit(tiles), from = split * per, to = Math.Min(tiles, from + per);
        int group = _heads.QueryHeads / _heads.KvHeads, firstHead = kvHead * group, dim = _heads.HeadDim;
        float* queries = qkv + (long)firstHead * dim;
        float* weights = _weights + firstHead * _stride;
        for (int t = from; t < to; t++)
        {
            Logits(queries, group, pages.Keys(kvHead, t), t + 1 < to ? pages.Keys(kvHead, t + 1) : pages.Values(kvHead, from), weights + t * Tile);
            int count = Math.Min(Tile, pages.Held(kvHead) - t * Tile);
            if (count == Tile && _window == 0) continue;
            for (int g = 0; g < group; g++) RunningSoftmax.MaskTile(weights + g * _stride + t * Tile, pages.Positions(kvHead, t), count, position, _window);
        }

        float scale = 1f / MathF.Sqrt(dim);
        float* sums = _partial + ((long)firstHead * MostSplits + split) * dim;
        for (int g = 0; g < group; g++)
        {
            int i = (firstHead + g) * MostSplits + split;
            (_maxima[i], _totals[i]) = (float.NegativeInfinity, 0f);
            float* target = sums + (long)g * MostSplits * dim;
            new Span<float>(target, dim).Clear();
            RunningSoftmax.Step(weights + g * _stride + from * Tile, (to - from) * Tile, scale, ref _maxima[i], ref _totals[i], target, 0);
        }

        for (int t = from; t < to; t++)
        {
            Sums(weights + t * Tile, group, pages.Values(kvHead, t), t + 1 < to ? pages.Values(kvHead, t + 1) : null, sums);
        }
    }

    // Tiles lie apart, so the processor's own prefetcher starts anew at each: a slice of the next tile is asked for before each slice
    // of this one is used. From memory that doubles the speed; from the caches it costs a tenth.
    private void Logits(float* queries, int rows, float* keys, float* next, float* logits)
    {
        int dim = _heads.HeadDim;
        for (int c = 0; c < dim; c += SliceChannels)
        {
            int channels = Math.Min(SliceChannels, dim - c);
            Prefetch(next + c * Tile, channels * Tile);
            MicroKernel.Multiply(queries + c, dim, rows, keys + c * Tile, Tile, channels, logits, (nint)_stride, add: c > 0);
        }
    }

    private void Sums(float* p, int rows, float* values, float* next, float* sums)
    {
        int dim = _heads.HeadDim;
        for (int j = 0; j < Tile; j += SliceKeys)
        {
            if (next is not null) Prefetch(next + j * dim, SliceKeys * dim);
            ValueProduct.Add(p + j, (nint)_stride, rows, values + j * dim, SliceKeys, dim, sums, MostSplits * dim);
        }
    }

    private static void Prefetch(float* data, int floats)
    {
        if (!Sse.IsSupported) return;
        for (int i = 0; i < floats; i += FloatsOfLine) Sse.Prefetch1(data + i);
    }

    private void Combine(LayerPages pages, int queryHead, float* output, bool probabilities)
    {
        int dim = _heads.HeadDim, tiles = pages.Tiles(queryHead / (_heads.QueryHeads / _heads.KvHeads)), splits = SplitsOf(tiles);
        float* maxima = _maxima + queryHead * MostSplits, totals = _totals + queryHead * MostSplits;
        float highest = float.NegativeInfinity, total = 0f;
        for (int s = 0; s < splits; s++) highest = Math.Max(highest, maxima[s]);
        for (int s = 0; s < splits; s++) total += totals[s] * VectorMath.Exp(maxima[s] - highest);
        new Span<float>(output, dim).Clear();
        for (int s = 0; s < splits; s++)
        {
            float share = VectorMath.Exp(maxima[s] - highest) / total;
            float* sums = _partial + ((long)queryHead * MostSplits + s) * dim;
            AddScaled(sums, share, output, dim);
            if (probabilities) ScaleSplit(queryHead, tiles, s, share);
        }
    }

    private static void AddScaled(float* source, float factor, float* target, int count)
    {
        int c = 0;
        for (; c + 8 <= count; c += 8) Vector256.FusedMultiplyAdd(Vector256.Load(source + c), Vector256.Create(factor), Vector256.Load(target + c)).Store(target + c);
        for (; c < count; c++) target[c] = MathF.FusedMultiplyAdd(source[c], factor, target[c]);
    }

    private void ScaleSplit(int queryHead, int tiles, int split, float share)
    {
        int per = TilesPerSplit(tiles), from = split * per * Tile, to = Math.Min(tiles, (split + 1) * per) * Tile;
        float* weights = _weights + queryHead * _stride;
        for (int i = from; i < to; i += 8) (Vector256.Load(weights + i) * share).Store(weights + i);
    }

    private readonly struct SplitWork(DecodeAttention attention, LayerPages pages, float* qkv, int position) : IWork
    {
        public void Run(int item, int worker)
        {
            for (int kvHead = 0; ; kvHead++)
            {
                int splits = SplitsOf(pages.Tiles(kvHead));
                if (item < splits)
                {
                    attention.Split(pages, kvHead, item, qkv, position);
                    return;
                }

                item -= splits;
            }
        }
    }
}
