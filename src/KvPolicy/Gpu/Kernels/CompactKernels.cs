using ILGPU;
using ILGPU.Runtime;

namespace KvPolicy.Gpu;

/// <summary>Arguments of <see cref="CompactKernels.Compact"/>.</summary>
internal struct CompactArguments
{
    /// <summary>The layer: its pages are read and written.</summary>
    public GpuLayer Layer;

    /// <summary>Slots that stay, ascending: [rows, Stride].</summary>
    public ArrayView<int> Kept;

    /// <summary>Entries from a row to the next.</summary>
    public int Stride;

    /// <summary>First KV head of the launch.</summary>
    public int FirstHead;

    /// <summary>Slots that stay of each head.</summary>
    public int Count;

    /// <summary>1 where all KV heads follow row 0.</summary>
    public int Shared;
}

/// <summary>Ordered gather of a layer's kept keys to the front of their own pages.</summary>
internal static class CompactKernels
{
    /// <summary>Channels that one group moves: its keys, then its values.</summary>
    public const int Channels = 8;

    /// <summary>
    /// In place and safe: a tile's 32 sources are read before any of its targets is written, and as kept slots ascend no later source
    /// lies below a target already written. Slices of channels never meet.
    /// </summary>
    [Kernel(32, "one warp a slice of 8 channels and KV head, tile after tile; lane = key for keys, lane = 4 keys x 8 channels for values; grid (slices + 1, KV heads), the last slice moves positions and state")]
    public static void Compact(CompactArguments a)
    {
        int head = a.FirstHead + Grid.IdxY, slice = Grid.IdxX;
        ArrayView<int> kept = a.Kept.SubView(a.Shared != 0 ? 0L : (long)head * a.Stride, a.Count);
        int tiles = (a.Count + LayerView.TileKeys - 1) / LayerView.TileKeys;
        if (slice * Channels >= a.Layer.HeadDim)
        {
            for (int tile = 0; tile < tiles; tile++) MoveFacts(a.Layer, head, tile, kept, a.Count);
            if (Group.IdxX == 0) a.Layer.Held[head] = a.Count;
            return;
        }

        for (int tile = 0; tile < tiles; tile++)
        {
            MoveKeys(a.Layer, head, tile, kept, a.Count, slice * Channels);
            MoveValues(a.Layer, head, tile, kept, a.Count, slice * Channels);
        }
    }

    private static void MoveFacts(GpuLayer layer, int head, int tile, ArrayView<int> kept, int count)
    {
        int to = tile * LayerView.TileKeys + Group.IdxX;
        int from = kept[Math.Min(to, count - 1)];
        long source = layer.Slot(head, from);
        int position = layer.Positions[source];
        float state = layer.HasState ? layer.State[source] : 0f;
        Warp.Barrier();
        if (to < count)
        {
            long target = layer.Slot(head, to);
            layer.Positions[target] = position;
            if (layer.HasState) layer.State[target] = state;
        }

        Warp.Barrier();
    }

    private static void MoveKeys(GpuLayer layer, int head, int tile, ArrayView<int> kept, int count, int channel)
    {
        const int Step = LayerView.TileKeys;
        int to = tile * Step + Group.IdxX;
        int from = kept[Math.Min(to, count - 1)];
        long source = layer.Tile(head, from / Step) + from % Step, target = layer.Tile(head, tile) + Group.IdxX;
        // Lanes read before any lane writes; eight named registers keep eight loads in flight.
        int last = layer.HeadDim - 1;
        float v0 = layer.Keys[source + Math.Min(channel, last) * Step], v1 = layer.Keys[source + Math.Min(channel + 1, last) * Step];
        float v2 = layer.Keys[source + Math.Min(channel + 2, last) * Step], v3 = layer.Keys[source + Math.Min(channel + 3, last) * Step];
        float v4 = layer.Keys[source + Math.Min(channel + 4, last) * Step], v5 = layer.Keys[source + Math.Min(channel + 5, last) * Step];
        float v6 = layer.Keys[source + Math.Min(channel + 6, last) * Step], v7 = layer.Keys[source + Math.Min(channel + 7, last) * Step];
        Warp.Barrier();
        if (to < count)
        {
            layer.Keys[target + channel * Step] = v0;
            if (channel + 1 <= last) layer.Keys[target + (channel + 1) * Step] = v1;
            if (channel + 2 <= last) layer.Keys[target + (channel + 2) * Step] = v2;
            if (channel + 3 <= last) layer.Keys[target + (channel + 3) * Step] = v3;
            if (channel + 4 <= last) layer.Keys[target + (channel + 4) * Step] = v4;
            if (channel + 5 <= last) layer.Keys[target + (channel + 5) * Step] = v5;
            if (channel + 6 <= last) layer.Keys[target + (channel + 6) * Step] = v6;
            if (channel + 7 <= last) layer.Keys[target + (channel + 7) * Step] = v7;
        }

        Warp.Barrier();
    }

    private static void MoveValues(GpuLayer layer, int head, int tile, ArrayView<int> kept, int count, int channel)
    {
        int lane = Group.IdxX / Channels, c = Math.Min(channel + Group.IdxX % Channels, layer.HeadDim - 1);
        bool mine = channel + Group.IdxX % Channels < layer.HeadDim;
        int first = tile * LayerView.TileKeys + lane, last = count - 1;
        float v0 = Value(layer, head, kept[Math.Min(first, last)], c), v1 = Value(layer, head, kept[Math.Min(first + 4, last)], c);
        float v2 = Value(layer, head, kept[Math.Min(first + 8, last)], c), v3 = Value(layer, head, kept[Math.Min(first + 12, last)], c);
        float v4 = Value(layer, head, kept[Math.Min(first + 16, last)], c), v5 = Value(layer, head, kept[Math.Min(first + 20, last)], c);
        float v6 = Value(layer, head, kept[Math.Min(first + 24, last)], c), v7 = Value(layer, head, kept[Math.Min(first + 28, last)], c);
        Warp.Barrier();
        long target = layer.Tile(head, tile) + (long)lane * layer.HeadDim + c;
        int step = 4 * layer.HeadDim;
        if (mine && first <= last) layer.Values[target] = v0;
        if (mine && first + 4 <= last) layer.Values[target + step] = v1;
        if (mine && first + 8 <= last) layer.Values[target + 2 * step] = v2;
        if (mine && first + 12 <= last) layer.Values[target + 3 * step] = v3;
        if (mine && first + 16 <= last) layer.Values[target + 4 * step] = v4;
        if (mine && first + 20 <= last) layer.Values[target + 5 * step] = v5;
        if (mine && first + 24 <= last) layer.Values[target + 6 * step] = v6;
        if (mine && first + 28 <= last) layer.Values[target + 7 * step] = v7;
        Warp.Barrier();
    }

    private static float Value(GpuLayer layer, int head, int slot, int channel)
        => layer.Values[layer.Tile(head, slot / LayerView.TileKeys) + (long)(slot % LayerView.TileKeys) * layer.HeadDim + channel];
}
