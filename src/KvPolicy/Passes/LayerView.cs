namespace KvPolicy;

/// <summary>
/// One layer of one sequence as passes see it. Keys lie in tiles of 32: a key tile is [headDim, 32] (channel-major, so that 32 keys meet
/// one query channel in consecutive floats), a value tile [32, headDim]. Within a prefill, slots are in the order of their positions.
/// </summary>
public readonly unsafe struct LayerView
{
    /// <summary>Keys of a tile, and of a page of the cache.</summary>
    public const int TileKeys = 32;

    // Page tables of the layer: [kvHeads][pages], see KvCache.
    internal nint* Pages { get; init; }
    internal int PagesStride { get; init; }
    internal int* HeldCounts { get; init; }
    internal PageLayout Layout { get; init; }
    internal float* Queries { get; init; }
    internal float* LogSumExps { get; init; }
    internal int LogSumExpStride { get; init; } // 0: Rows
    internal float* ProbabilityRows { get; init; }
    internal long ProbabilityStride { get; init; }
    internal int* ShotOf { get; init; } // [ShotsOf], pinned by the compressor
    internal int ShotsOf { get; init; }

    /// <summary>Index of the layer.</summary>
    public int Layer { get; init; }

    /// <summary>Layers of the model.</summary>
    public int Layers { get; init; }

    /// <summary>Query heads.</summary>
    public int QueryHeads { get; init; }

    /// <summary>KV heads.</summary>
    public int KvHeads { get; init; }

    /// <summary>Channels of a head.</summary>
    public int HeadDim { get; init; }

    /// <summary>Tokens of the sequence so far (n after the prefill; n + t while decoding): the <c>length</c> signal.</summary>
    public int Length { get; init; }

    /// <summary>Observed queries at hand.</summary>
    public int Rows { get; init; }

    /// <summary>Position of observed row 0; row r has position FirstRowPosition + r.</summary>
    public int FirstRowPosition { get; init; }

    /// <summary>A row at position p sees keys at positions above p - window only; 0 for all.</summary>
    public int SlidingWindow { get; init; }

    /// <summary>Floats from an observed row of a query head to its next row.</summary>
    public int QueryStride { get; init; }

    /// <summary>Query heads of a KV head.</summary>
    public int GroupSize => QueryHeads / KvHeads;

    /// <summary>1 / sqrt(headDim).</summary>
    public float Scale => 1f / MathF.Sqrt(HeadDim);

    /// <summary>Held keys of a KV head.</summary>
    public int Held(int kvHead) => HeldCounts[kvHead];

    /// <summary>Tiles of a KV head, the last may be partly filled.</summary>
    public int Tiles(int kvHead) => (HeldCounts[kvHead] + TileKeys - 1) / TileKeys;

    /// <summary>Keys of a tile, after RoPE: [headDim, 32].</summary>
    public ReadOnlySpan<float> Keys(int kvHead, int tile) => new(Layout.Keys(Page(kvHead, tile)), HeadDim * TileKeys);

    /// <summary>Values of a tile: [32, headDim].</summary>
    public ReadOnlySpan<float> Values(int kvHead, int tile) => new(Layout.Values(Page(kvHead, tile)), HeadDim * TileKeys);

    /// <summary>Positions of a tile's keys: [32].</summary>
    public ReadOnlySpan<int> Positions(int kvHead, int tile) => new(Layout.Positions(Page(kvHead, tile)), TileKeys);

    /// <summary>The policy's float for each key of a tile: [32].</summary>
    public Span<float> State(int kvHead, int tile) => new(Layout.State(Page(kvHead, tile)), TileKeys);

    /// <summary>Observed rows of a query head from <paramref name="row"/> on: row r starts at r * <see cref="QueryStride"/>. After RoPE, unscaled.</summary>
    public ReadOnlySpan<float> Query(int queryHead, int row)
        => new(Queries + (long)row * QueryStride + (long)queryHead * HeadDim, (Rows - row - 1) * QueryStride + HeadDim);

    /// <summary>ln of the sum over visible keys of exp(scaled logit), for each observed row of a query head: [Rows].</summary>
    public ReadOnlySpan<float> LogSumExp(int queryHead) => new(LogSumExps + (long)queryHead * (LogSumExpStride > 0 ? LogSumExpStride : Rows), Rows);

    /// <summary>This decode step's attention probabilities of a query head for the keys of a tile: [32].</summary>
    public ReadOnlySpan<float> Probabilities(int queryHead, int tile)
        => new(ProbabilityRows + queryHead * ProbabilityStride + tile * TileKeys, TileKeys);

    /// <summary>Shot of a position, counted from 0 in the order of their numbers; -1 outside shots, and wherever shots do not compete.</summary>
    public int Shot(int position) => (uint)position < (uint)ShotsOf ? ShotOf[position] : -1;

    /// <summary>The same layer with only the newest observed rows.</summary>
    internal LayerView LastRows(int rows)
    {
        int dropped = Rows - rows;
        if (dropped <= 0) return this;
        return this with
        {
            Queries = Queries + (long)dropped * QueryStride,
            LogSumExps = LogSumExps + dropped,
            LogSumExpStride = LogSumExpStride > 0 ? LogSumExpStride : Rows,
            Rows = rows,
            FirstRowPosition = FirstRowPosition + dropped,
        };
    }

    private byte* Page(int kvHead, int tile) => (byte*)Pages[kvHead * PagesStride + tile];
}
