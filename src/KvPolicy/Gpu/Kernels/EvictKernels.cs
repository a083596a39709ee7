using ILGPU;
using ILGPU.Runtime;

namespace KvPolicy.Gpu;

/// <summary>Arguments of <see cref="EvictKernels.Evict"/>.</summary>
internal struct EvictArguments
{
    /// <summary>The layer; its held counts shrink.</summary>
    public GpuLayer Layer;

    /// <summary>Scores of every held key: [rows, Layer.ScoreStride]; moved with their keys.</summary>
    public ArrayView<float> Scores;

    /// <summary>KV heads of a row of scores: 1, or all of them where the kept set is shared.</summary>
    public int HeadsPerRow;

    /// <summary>First slot that may compete: those before are frozen.</summary>
    public int FirstSlot;

    /// <summary>Keys at positions below this do not compete.</summary>
    public int Sinks;

    /// <summary>So many held keys with the highest positions do not compete.</summary>
    public int Recent;

    /// <summary>Keys that go; at most the competing.</summary>
    public int Count;
}

/// <summary>Eviction while decoding.</summary>
internal static class EvictKernels
{
    private const int GroupSize = 128;

    /// <summary>Threads whose bests one thread reduces.</summary>
    private const int Run = 16;

    /// <summary>
    /// Drops the competing key of the lowest score, of equal scores the one at the highest position, so often as asked: the last key moves
    /// into its slot with everything that belongs to it. Heads that share a row of scores hold the same positions in the same slots.
    /// </summary>
    [Kernel(GroupSize, "one group a row of scores: minimum over the held keys in shared memory, then a thread a channel moves the last key into the hole")]
    public static void Evict(EvictArguments a)
    {
        ArrayView<int> digits = SharedMemory.Allocate<int>(RadixSelect.SharedInts);
        ArrayView<ulong> bests = SharedMemory.Allocate<ulong>(GroupSize);
        ArrayView<int> slots = SharedMemory.Allocate<int>(GroupSize);
        int row = Grid.IdxX, head = row * a.HeadsPerRow;
        int held = a.Layer.Held[head];
        var positions = new HeldPositions { Layer = a.Layer, Head = head };
        uint firstRecent = uint.MaxValue;
        if (a.Recent > 0) firstRecent = RadixSelect.Threshold(positions, held, Math.Min(a.Recent, held), digits, out _);
        for (int gone = 0; gone < a.Count; gone++)
        {
            int slot = Worst(a, positions, row, held, firstRecent, bests, slots);
            held--;
            if (slot != held)
            {
                for (int h = head; h < head + a.HeadsPerRow; h++) MoveLast(a.Layer, h, held, slot);
                if (Group.IdxX == 0) a.Scores[(long)row * a.Layer.ScoreStride + slot] = a.Scores[(long)row * a.Layer.ScoreStride + held];
            }

            Group.Barrier();
        }

        for (int h = Group.IdxX; h < a.HeadsPerRow; h += Group.DimX) a.Layer.Held[head + h] = held;
    }

    // Slot of the competing key with the lowest (score, then highest position): one unsigned number a key, so that a minimum is exact.
    private static int Worst(EvictArguments a, HeldPositions positions, int row, int held, uint firstRecent, ArrayView<ulong> bests, ArrayView<int> slots)
    {
        ulong best = ulong.MaxValue;
        int bestSlot = a.FirstSlot;
        for (int slot = a.FirstSlot + Group.IdxX; slot < held; slot += GroupSize)
        {
            uint position = positions.Key(slot);
            if (position < (uint)a.Sinks || position >= firstRecent) continue;
            ulong key = ((ulong)SortableFloat.Key(a.Scores[(long)row * a.Layer.ScoreStride + slot]) << 32) | (uint.MaxValue - position);
            if (key < best) (best, bestSlot) = (key, slot);
        }

        (bests[Group.IdxX], slots[Group.IdxX]) = (best, bestSlot);
        Group.Barrier();
        if (Group.IdxX % Run == 0) Least(bests, slots, Group.IdxX, 1);
        Group.Barrier();
        if (Group.IdxX == 0) Least(bests, slots, 0, Run);
        Group.Barrier();
        return slots[0];
    }

    // The least of up to Run entries, step apart, goes to the first of them.
    private static void Least(ArrayView<ulong> bests, ArrayView<int> slots, int first, int step)
    {
        int least = first;
        for (int i = 1; i < Run; i++)
        {
            int at = first + i * step;
            if (at < GroupSize && bests[at] < bests[least]) least = at;
        }

        (bests[first], slots[first]) = (bests[least], slots[least]);
    }

    private static void MoveLast(GpuLayer layer, int head, int from, int to)
    {
        long source = layer.Tile(head, from / LayerView.TileKeys), target = layer.Tile(head, to / LayerView.TileKeys);
        int oldLane = from % LayerView.TileKeys, newLane = to % LayerView.TileKeys;
        for (int c = Group.IdxX; c < layer.HeadDim; c += Group.DimX)
        {
            layer.Keys[target + (long)c * LayerView.TileKeys + newLane] = layer.Keys[source + (long)c * LayerView.TileKeys + oldLane];
            layer.Values[target + (long)newLane * layer.HeadDim + c] = layer.Values[source + (long)oldLane * layer.HeadDim + c];
        }

        if (Group.IdxX != 0) return;
        long oldFact = (long)layer.Page(head, from / LayerView.TileKeys) * LayerView.TileKeys + oldLane;
        long newFact = (long)layer.Page(head, to / LayerView.TileKeys) * LayerView.TileKeys + newLane;
        layer.Positions[newFact] = layer.Positions[oldFact];
        if (layer.HasState) layer.State[newFact] = layer.State[oldFact];
    }

    private struct HeldPositions : ISelectionKeys
    {
        public GpuLayer Layer;
        public int Head;

        public readonly uint Key(int slot)
            => (uint)Layer.Positions[(long)Layer.Page(Head, slot / LayerView.TileKeys) * LayerView.TileKeys + slot % LayerView.TileKeys];
    }
}
