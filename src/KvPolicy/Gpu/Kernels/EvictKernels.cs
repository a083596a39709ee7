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

    /// <summary>Held keys of each head of the layer that are frozen, slots 0 and up: [kvHeads]. They neither compete nor count.</summary>
    public ArrayView<int> Frozen;

    /// <summary>KV heads of a row of scores: 1, or all of them where the kept set is shared.</summary>
    public int HeadsPerRow;

    /// <summary>What stays of the others.</summary>
    public int Budget;

    /// <summary>Keys at positions below this are sinks.</summary>
    public int Sinks;

    /// <summary>How many of the newest do not compete, before the budget caps it.</summary>
    public int Recent;

    /// <summary>1 where the newest token always stays, even before a sink; else 0.</summary>
    public int Newest;
}

/// <summary>Eviction while decoding.</summary>
internal static class EvictKernels
{
    private const int GroupSize = 128;

    /// <summary>Threads whose bests one thread reduces.</summary>
    private const int Run = 16;

    /// <summary>
    /// Drops the competing key of the lowest score, of equal scores the one at the highest position, until the budget is met: the last key
    /// moves into its slot with everything that belongs to it. Heads that share a row of scores hold the same positions in the same slots.
    /// </summary>
    [Kernel(GroupSize, "one group a row of scores: minimum over the held keys in shared memory, then a thread a channel moves the last key into the hole")]
    public static void Evict(EvictArguments a)
    {
        ArrayView<int> digits = SharedMemory.Allocate<int>(RadixSelect.SharedInts);
        ArrayView<ulong> bests = SharedMemory.Allocate<ulong>(GroupSize);
        ArrayView<int> slots = SharedMemory.Allocate<int>(GroupSize);
        int row = Grid.IdxX, head = row * a.HeadsPerRow, frozen = a.Frozen[head];
        int held = a.Layer.Held[head], over = held - frozen - a.Budget;
        // The whole group leaves together.
        if (over <= 0) return;
        var positions = new HeldPositions { Layer = a.Layer, Head = head, First = frozen };
        uint first = FirstCompeting(a, positions, held - frozen, digits, out int recent);
        uint end = EndOfCompeting(positions, held - frozen, recent, digits);
        for (; over > 0; over--)
        {
            int slot = frozen + Worst(a, positions, row, held - frozen, first, end, bests, slots);
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

    // Lowest position that competes: above the sinks, of which the budget (less the newest token) may leave out the later ones.
    private static uint FirstCompeting(EvictArguments a, HeldPositions positions, int count, ArrayView<int> shared, out int recent)
    {
        int sinksHeld = a.Sinks > 0 ? CountInRange(positions, count, 0u, (uint)a.Sinks, shared) : 0;
        int sinks = Math.Min(sinksHeld, a.Budget - a.Newest);
        recent = Math.Min(Math.Max(a.Recent, a.Newest), a.Budget - sinks);
        return sinks == sinksHeld ? (uint)a.Sinks : RadixSelect.Threshold(positions, count, count - sinks, shared, out _);
    }

    // Position from which on nothing competes. Mostly the newest held tokens are the newest of the sequence, the last of which came last.
    private static uint EndOfCompeting(HeldPositions positions, int count, int recent, ArrayView<int> shared)
    {
        if (recent == 0) return uint.MaxValue;
        uint newest = positions.Key(count - 1);
        if (recent == 1) return newest;
        uint end = newest - (uint)(recent - 1);
        bool unbroken = newest >= (uint)(recent - 1) && CountInRange(positions, count, end, uint.MaxValue, shared) == recent;
        return unbroken ? end : RadixSelect.Threshold(positions, count, recent, shared, out _);
    }

    private static int CountInRange(HeldPositions positions, int count, uint from, uint end, ArrayView<int> shared)
    {
        int mine = 0;
        for (int i = Group.IdxX; i < count; i += Group.DimX)
        {
            uint position = positions.Key(i);
            if (position >= from && position < end) mine++;
        }

        if (Group.IdxX == 0) shared[0] = 0;
        Group.Barrier();
        // Whole numbers: the order of the additions changes nothing.
        if (mine > 0) Atomic.Add(ref shared[0], mine);
        Group.Barrier();
        int total = shared[0];
        Group.Barrier();
        return total;
    }

    // The competing key with the lowest (score, then highest position): one unsigned number a key, so that a minimum is exact.
    private static int Worst(EvictArguments a, HeldPositions positions, int row, int count, uint first, uint end, ArrayView<ulong> bests, ArrayView<int> slots)
    {
        ulong best = ulong.MaxValue;
        int bestAt = 0;
        for (int i = Group.IdxX; i < count; i += GroupSize)
        {
            uint position = positions.Key(i);
            if (position < first || position >= end) continue;
            ulong key = ((ulong)SortableFloat.Key(a.Scores[(long)row * a.Layer.ScoreStride + positions.First + i]) << 32) | (uint.MaxValue - position);
            if (key < best) (best, bestAt) = (key, i);
        }

        (bests[Group.IdxX], slots[Group.IdxX]) = (best, bestAt);
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
        long oldFact = layer.Slot(head, from), newFact = layer.Slot(head, to);
        layer.Positions[newFact] = layer.Positions[oldFact];
        if (layer.HasState) layer.State[newFact] = layer.State[oldFact];
    }

    /// <summary>Positions of the held keys that are not frozen.</summary>
    private struct HeldPositions : ISelectionKeys
    {
        public GpuLayer Layer;
        public int Head;
        public int First;

        public readonly uint Key(int candidate) => (uint)Layer.Positions[Layer.Slot(Head, First + candidate)];
    }
}
