using System.Runtime.InteropServices;

namespace KvPolicy;

/// <summary>Sizes of a cache.</summary>
/// <param name="Layers">Layers of the model.</param>
/// <param name="QueryHeads">Query heads.</param>
/// <param name="KvHeads">KV heads.</param>
/// <param name="HeadDim">Channels of a head.</param>
internal readonly record struct KvShape(int Layers, int QueryHeads, int KvHeads, int HeadDim);

/// <summary>
/// Keys and values of one sequence: for each layer and KV head a list of its own length (ragged), in pages of 32 keys from one pool.
/// Held keys are always slots 0 .. Held - 1. Compaction after a prefill keeps their order; removal while decoding moves the last key into
/// the hole (O(1)), so order is lost and each key carries its position. Reads may run on many threads, changes on one
/// (different heads of one layer may be filled or compacted by different threads once <see cref="Reserve"/> ran).
/// </summary>
internal sealed unsafe class KvCache : IDisposable
{
    private readonly int _pagesPerHead;
    private readonly nint* _pages;      // [layers, kvHeads, pagesPerHead]
    private readonly int* _held;        // [layers, kvHeads]
    private readonly int* _pageCounts;  // [layers, kvHeads]

    /// <summary>An empty cache for at most <paramref name="capacity"/> tokens.</summary>
    public KvCache(KvShape shape, int capacity, bool hasState)
    {
        (Shape, Capacity) = (shape, capacity);
        Pool = new PagePool(new PageLayout(shape.HeadDim, hasState));
        _pagesPerHead = (capacity + LayerView.TileKeys - 1) / LayerView.TileKeys + 1;
        int heads = shape.Layers * shape.KvHeads;
        _pages = (nint*)NativeMemory.AllocZeroed((nuint)heads * (nuint)_pagesPerHead, (nuint)sizeof(nint));
        _held = (int*)NativeMemory.AllocZeroed((nuint)heads, sizeof(int));
        _pageCounts = (int*)NativeMemory.AllocZeroed((nuint)heads, sizeof(int));
    }

    /// <summary>Sizes.</summary>
    public KvShape Shape { get; }

    /// <summary>Most tokens that a head can hold.</summary>
    public int Capacity { get; }

    /// <summary>True where each key carries a float of the policy.</summary>
    public bool HasState => Pool.Layout.HasState;

    /// <summary>Where the pages come from, and what they weigh.</summary>
    public PagePool Pool { get; }

    /// <summary>Bytes of keys and values of an uncompressed cache of <paramref name="tokens"/> tokens.</summary>
    public long FullBytes(int tokens) => (long)tokens * Shape.Layers * Shape.KvHeads * Shape.HeadDim * 2 * sizeof(float);

    /// <summary>Held keys of a head.</summary>
    public int Held(int layer, int kvHead) => _held[layer * Shape.KvHeads + kvHead];

    /// <summary>Makes room in every head of a layer for <paramref name="more"/> further keys.</summary>
    public void Reserve(int layer, int more)
    {
        for (int h = 0; h < Shape.KvHeads; h++) ReserveHead(layer, h, more);
    }

    /// <summary>Makes room in one head for <paramref name="more"/> further keys.</summary>
    internal void ReserveHead(int layer, int kvHead, int more)
    {
        int head = layer * Shape.KvHeads + kvHead, pages = (_held[head] + more + LayerView.TileKeys - 1) / LayerView.TileKeys;
        if (_held[head] + more > Capacity) throw new InvalidOperationException($"The cache holds at most {Capacity} tokens.");
        while (_pageCounts[head] < pages) _pages[(long)head * _pagesPerHead + _pageCounts[head]++] = (nint)Pool.Rent();
    }

    /// <summary>Appends one key and value to a head; state starts at 0. <see cref="Reserve"/> must have run.</summary>
    /// <param name="layer">Layer.</param>
    /// <param name="kvHead">KV head.</param>
    /// <param name="key">[headDim], after RoPE.</param>
    /// <param name="value">[headDim]</param>
    /// <param name="position">Position in the sequence.</param>
    public void Append(int layer, int kvHead, ReadOnlySpan<float> key, ReadOnlySpan<float> value, int position)
    {
        int head = layer * Shape.KvHeads + kvHead, slot = _held[head]++;
        byte* page = Page(head, slot);
        int lane = slot % LayerView.TileKeys;
        float* keys = Pool.Layout.Keys(page) + lane;
        for (int c = 0; c < key.Length; c++) keys[c * LayerView.TileKeys] = key[c];
        value.CopyTo(new Span<float>(Pool.Layout.Values(page) + lane * Shape.HeadDim, Shape.HeadDim));
        Pool.Layout.Positions(page)[lane] = position;
        if (Pool.Layout.HasState) Pool.Layout.State(page)[lane] = 0f;
    }

    /// <summary>Copies what a slot holds.</summary>
    /// <param name="layer">Layer.</param>
    /// <param name="kvHead">KV head.</param>
    /// <param name="slot">Below <see cref="Held"/>.</param>
    /// <param name="key">[headDim]</param>
    /// <param name="value">[headDim]</param>
    /// <returns>Position and state; 0 where keys carry no state.</returns>
    internal (int Position, float State) Read(int layer, int kvHead, int slot, Span<float> key, Span<float> value)
    {
        byte* page = Page(layer * Shape.KvHeads + kvHead, slot);
        int lane = slot % LayerView.TileKeys;
        float* keys = Pool.Layout.Keys(page) + lane;
        for (int c = 0; c < key.Length; c++) key[c] = keys[c * LayerView.TileKeys];
        new ReadOnlySpan<float>(Pool.Layout.Values(page) + lane * Shape.HeadDim, Shape.HeadDim).CopyTo(value);
        return (Pool.Layout.Positions(page)[lane], Pool.Layout.HasState ? Pool.Layout.State(page)[lane] : 0f);
    }

    /// <summary>Sets the state of the key in a slot, where keys carry one.</summary>
    internal void SetState(int layer, int kvHead, int slot, float state)
        => Pool.Layout.State(Page(layer * Shape.KvHeads + kvHead, slot))[slot % LayerView.TileKeys] = state;

    /// <summary>Position of the key in a slot.</summary>
    public int PositionAt(int layer, int kvHead, int slot)
        => Pool.Layout.Positions(Page(layer * Shape.KvHeads + kvHead, slot))[slot % LayerView.TileKeys];

    /// <summary>Positions of the keys of a tile; past the held ones they mean nothing.</summary>
    internal ReadOnlySpan<int> TilePositions(int layer, int kvHead, int tile)
        => new(Pool.Layout.Positions(Page(layer * Shape.KvHeads + kvHead, tile * LayerView.TileKeys)), LayerView.TileKeys);

    /// <summary>Positions of the first held keys of a head, by slot.</summary>
    public void CopyPositions(int layer, int kvHead, Span<int> positions)
    {
        for (int start = 0; start < positions.Length; start += LayerView.TileKeys)
        {
            Span<int> target = positions[start..];
            TilePositions(layer, kvHead, start / LayerView.TileKeys)[..Math.Min(LayerView.TileKeys, target.Length)].CopyTo(target);
        }
    }

    /// <summary>Keeps the given slots of a head, in their order, and drops the rest. Pages are given back by <see cref="Trim"/>.</summary>
    /// <param name="layer">Layer.</param>
    /// <param name="kvHead">KV head.</param>
    /// <param name="kept">Slots, ascending.</param>
    public void Compact(int layer, int kvHead, ReadOnlySpan<int> kept)
    {
        int head = layer * Shape.KvHeads + kvHead;
        for (int to = 0; to < kept.Length; to++)
        {
            if (kept[to] != to) Move(head, kept[to], to);
        }

        _held[head] = kept.Length;
    }

    /// <summary>Drops one key: the last one takes its slot.</summary>
    public void RemoveAt(int layer, int kvHead, int slot)
    {
        int head = layer * Shape.KvHeads + kvHead, last = --_held[head];
        if (slot != last) Move(head, last, slot);
    }

    /// <summary>Fills an empty layer with the first keys of another cache of the same shape; state starts at 0.</summary>
    /// <param name="source">Holds at least <paramref name="tokens"/> keys in every head of the layer, in the order of their positions.</param>
    /// <param name="layer">Layer.</param>
    /// <param name="tokens">Keys of each head.</param>
    internal void CopyFirst(KvCache source, int layer, int tokens)
    {
        Reserve(layer, tokens);
        for (int h = 0; h < Shape.KvHeads; h++)
        {
            int head = layer * Shape.KvHeads + h;
            for (int slot = 0; slot < tokens; slot += LayerView.TileKeys)
            {
                byte* from = source.Page(head, slot), to = Page(head, slot);
                new ReadOnlySpan<byte>(from, Pool.Layout.KeyValueBytes).CopyTo(new Span<byte>(to, Pool.Layout.KeyValueBytes));
                new ReadOnlySpan<int>(source.Pool.Layout.Positions(from), LayerView.TileKeys).CopyTo(new Span<int>(Pool.Layout.Positions(to), LayerView.TileKeys));
            }

            _held[head] = tokens;
        }
    }

    /// <summary>Puts the keys of every head of a layer into the order of their positions, which eviction while decoding gives up.</summary>
    internal void Order(int layer)
    {
        int[] order = [], positions = [];
        for (int h = 0; h < Shape.KvHeads; h++)
        {
            int held = Held(layer, h);
            if (order.Length < held) (order, positions) = (new int[held], new int[held]);
            CopyPositions(layer, h, positions.AsSpan(0, held));
            if (IsAscending(positions.AsSpan(0, held))) continue;
            for (int slot = 0; slot < held; slot++) order[slot] = slot;
            Array.Sort(positions, order, 0, held);
            Permute(layer * Shape.KvHeads + h, order.AsSpan(0, held));
        }
    }

    /// <summary>Gives back the pages of a layer that hold nothing.</summary>
    /// <param name="layer">Layer.</param>
    /// <param name="sparePages">Empty pages that each head may keep, so that a cache that breathes by one token does not rent and return one at every step.</param>
    public void Trim(int layer, int sparePages = 0)
    {
        for (int h = 0; h < Shape.KvHeads; h++)
        {
            int head = layer * Shape.KvHeads + h, pages = (_held[head] + LayerView.TileKeys - 1) / LayerView.TileKeys + sparePages;
            while (_pageCounts[head] > pages) Pool.Return((byte*)_pages[(long)head * _pagesPerHead + --_pageCounts[head]]);
        }
    }

    /// <summary>The keys, values, positions and state of a layer; the caller adds queries or probabilities with <c>with</c>.</summary>
    internal LayerView View(int layer, int length) => new()
    {
        Pages = _pages + (long)layer * Shape.KvHeads * _pagesPerHead,
        PagesStride = _pagesPerHead,
        HeldCounts = _held + layer * Shape.KvHeads,
        Layout = Pool.Layout,
        Layer = layer,
        Layers = Shape.Layers,
        QueryHeads = Shape.QueryHeads,
        KvHeads = Shape.KvHeads,
        HeadDim = Shape.HeadDim,
        Length = length,
    };

    /// <inheritdoc/>
    public void Dispose()
    {
        Pool.Dispose();
        NativeMemory.Free(_pages);
        NativeMemory.Free(_held);
        NativeMemory.Free(_pageCounts);
    }

    private byte* Page(int head, int slot) => (byte*)_pages[(long)head * _pagesPerHead + slot / LayerView.TileKeys];

    private static bool IsAscending(ReadOnlySpan<int> values)
    {
        for (int i = 1; i < values.Length; i++)
        {
            if (values[i] < values[i - 1]) return false;
        }

        return true;
    }

    /// <summary>Slot i gets what slot order[i] holds: cycle by cycle, with one key set aside. Consumes <paramref name="order"/>.</summary>
    private void Permute(int head, Span<int> order)
    {
        byte* aside = Pool.Rent();
        for (int start = 0; start < order.Length; start++)
        {
            if (order[start] == start) continue;
            Move(Page(head, start), start, aside, 0);
            int to = start;
            while (order[to] != start)
            {
                int from = order[to];
                Move(head, from, to);
                order[to] = to;
                to = from;
            }

            Move(aside, 0, Page(head, to), to);
            order[to] = to;
        }

        Pool.Return(aside);
    }

    private void Move(int head, int from, int to) => Move(Page(head, from), from, Page(head, to), to);

    private void Move(byte* source, int from, byte* target, int to)
    {
        PageLayout layout = Pool.Layout;
        (from, to) = (from % LayerView.TileKeys, to % LayerView.TileKeys);
        float* oldKey = layout.Keys(source) + from, newKey = layout.Keys(target) + to;
        for (int c = 0; c < Shape.HeadDim; c++) newKey[c * LayerView.TileKeys] = oldKey[c * LayerView.TileKeys];
        new ReadOnlySpan<float>(layout.Values(source) + from * Shape.HeadDim, Shape.HeadDim).CopyTo(new Span<float>(layout.Values(target) + to * Shape.HeadDim, Shape.HeadDim));
        layout.Positions(target)[to] = layout.Positions(source)[from];
        if (layout.HasState) layout.State(target)[to] = layout.State(source)[from];
    }
}
