using ILGPU;
using ILGPU.Runtime;

namespace KvPolicy.Gpu;

/// <summary>
/// Keys and values of one sequence in device memory: the counterpart of <see cref="KvCache"/>, with the same pages of 32 keys and the same
/// rules for slots. Kernels change what the device holds; how many keys a head holds follows from budgets, so the host knows it without
/// asking and tells the cache by <see cref="SetHeld"/>. One thread at a time; all work goes to the accelerator's default stream.
/// </summary>
internal sealed class GpuKvCache : IDisposable
{
    private readonly Accelerator _accelerator;
    private readonly GpuPagePool _pool;
    private readonly int _pagesPerHead;
    private readonly int[] _pages;       // [layers, kvHeads, pagesPerHead]
    private readonly int[] _pageCounts;  // [layers, kvHeads]
    private readonly int[] _held;        // [layers, kvHeads]
    private readonly MemoryBuffer1D<int, Stride1D.Dense> _devicePages;
    private readonly MemoryBuffer1D<int, Stride1D.Dense> _deviceHeld;

    /// <summary>An empty cache for at most <paramref name="capacity"/> tokens.</summary>
    /// <param name="accelerator">Where it lives.</param>
    /// <param name="shape">Sizes.</param>
    /// <param name="capacity">Most tokens that a head can hold.</param>
    /// <param name="hasState">True where each key carries a float of the policy.</param>
    public GpuKvCache(Accelerator accelerator, KvShape shape, int capacity, bool hasState)
    {
        (_accelerator, Shape, Capacity, HasState) = (accelerator, shape, capacity, hasState);
        _pagesPerHead = TilesOf(capacity) + 1;
        _pool = new GpuPagePool(accelerator, shape.HeadDim, hasState, shape.KvHeads);
        int heads = shape.Layers * shape.KvHeads;
        _pages = new int[heads * _pagesPerHead];
        (_pageCounts, _held) = (new int[heads], new int[heads]);
        _devicePages = accelerator.Allocate1D<int>(_pages.Length);
        _deviceHeld = accelerator.Allocate1D<int>(heads);
        _deviceHeld.MemSetToZero(accelerator.DefaultStream);
    }

    /// <summary>Sizes.</summary>
    public KvShape Shape { get; }

    /// <summary>Most tokens that a head can hold.</summary>
    public int Capacity { get; }

    /// <summary>True where each key carries a float of the policy.</summary>
    public bool HasState { get; }

    /// <summary>Floats from a head's scores (or probabilities) to the next head's.</summary>
    public int ScoreStride => TilesOf(Capacity) * LayerView.TileKeys;

    /// <summary>Bytes of keys and values in pages that are in use.</summary>
    public long BytesInUse => _pool.BytesInUse;

    /// <summary>Most bytes of key and value buffers that the device held at once.</summary>
    public long PeakBytes => _pool.PeakBytes;

    /// <summary>Bytes of keys and values of an uncompressed cache of <paramref name="tokens"/> tokens.</summary>
    public long FullBytes(int tokens) => (long)tokens * Shape.Layers * Shape.KvHeads * Shape.HeadDim * 2 * sizeof(float);

    /// <summary>Held keys of a head.</summary>
    public int Held(int layer, int kvHead) => _held[layer * Shape.KvHeads + kvHead];

    /// <summary>Makes room in every head of a layer for <paramref name="more"/> further keys.</summary>
    /// <exception cref="InvalidOperationException">More than <see cref="Capacity"/>.</exception>
    public void Reserve(int layer, int more)
    {
        int missing = 0;
        for (int h = 0; h < Shape.KvHeads; h++)
        {
            int tiles = TilesOf(Held(layer, h) + more);
            if (tiles > _pagesPerHead) throw new InvalidOperationException($"The cache holds at most {Capacity} tokens.");
            missing += Math.Max(0, tiles - _pageCounts[layer * Shape.KvHeads + h]);
        }

        if (missing == 0) return;
        _pool.Reserve(missing);
        for (int h = 0; h < Shape.KvHeads; h++)
        {
            int head = layer * Shape.KvHeads + h;
            while (_pageCounts[head] < TilesOf(_held[head] + more)) _pages[head * _pagesPerHead + _pageCounts[head]++] = _pool.Rent();
        }

        int first = layer * Shape.KvHeads * _pagesPerHead, count = Shape.KvHeads * _pagesPerHead;
        _devicePages.View.SubView(first, count).CopyFromCPU(_accelerator.DefaultStream, _pages.AsSpan(first, count).ToArray());
    }

    /// <summary>Records what kernels have made of a head's held count; <see cref="GpuLayer.Held"/> says the same on the device.</summary>
    public void SetHeld(int layer, int kvHead, int held) => _held[layer * Shape.KvHeads + kvHead] = held;

    /// <summary>Gives back the pages of a layer that hold nothing.</summary>
    /// <param name="layer">Layer.</param>
    /// <param name="sparePages">Pages a head may keep for what comes next.</param>
    public void Trim(int layer, int sparePages = 0)
    {
        for (int h = 0; h < Shape.KvHeads; h++)
        {
            int head = layer * Shape.KvHeads + h, pages = TilesOf(_held[head]) + sparePages;
            while (_pageCounts[head] > pages) _pool.Return(_pages[head * _pagesPerHead + --_pageCounts[head]]);
        }
    }

    /// <summary>A layer as kernels see it; the caller adds queries or probabilities.</summary>
    /// <param name="layer">Layer.</param>
    /// <param name="length">Tokens of the sequence so far.</param>
    public GpuLayer View(int layer, int length)
    {
        int first = layer * Shape.KvHeads, most = 0;
        for (int h = 0; h < Shape.KvHeads; h++) most = Math.Max(most, _held[first + h]);
        return new GpuLayer
        {
            Keys = _pool.Keys,
            Values = _pool.Values,
            Positions = _pool.Positions,
            State = _pool.State,
            Pages = _devicePages.View.SubView((long)first * _pagesPerHead, (long)Shape.KvHeads * _pagesPerHead).AsContiguous(),
            Held = _deviceHeld.View.SubView(first, Shape.KvHeads).AsContiguous(),
            // Kernels that read none of them still get views of memory that exists.
            Queries = _pool.State,
            LogSumExp = _pool.State,
            Probabilities = _pool.State,
            Shots = _pool.Positions.SubView(0, 0),
            PageStride = _pagesPerHead,
            ScoreStride = ScoreStride,
            QueryHeads = Shape.QueryHeads,
            KvHeads = Shape.KvHeads,
            HeadDim = Shape.HeadDim,
            Length = length,
            Layer = layer,
            Layers = Shape.Layers,
            MaxHeld = most,
        };
    }

    /// <summary>Positions of a head's held keys by slot; waits for the device.</summary>
    public int[] Positions(int layer, int kvHead)
    {
        int head = layer * Shape.KvHeads + kvHead;
        var positions = new int[_held[head]];
        int[] all = _pool.Positions.GetAsArray(_accelerator.DefaultStream);
        for (int slot = 0; slot < positions.Length; slot++)
        {
            int page = _pages[head * _pagesPerHead + slot / LayerView.TileKeys];
            positions[slot] = all[page * LayerView.TileKeys + slot % LayerView.TileKeys];
        }

        return positions;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _pool.Dispose();
        _devicePages.Dispose();
        _deviceHeld.Dispose();
    }

    private static int TilesOf(int keys) => (keys + LayerView.TileKeys - 1) / LayerView.TileKeys;
}
