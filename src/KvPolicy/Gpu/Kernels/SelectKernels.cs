using ILGPU;
using ILGPU.Runtime;

namespace KvPolicy.Gpu;

/// <summary>Arguments of <see cref="SelectKernels.Select"/>.</summary>
internal struct SelectArguments
{
    /// <summary>Scores of every held key: [rows, Stride].</summary>
    public ArrayView<float> Scores;

    /// <summary>Slots that stay, ascending: [rows, Stride].</summary>
    public ArrayView<int> Kept;

    /// <summary>Entries from a row to the next.</summary>
    public int Stride;

    /// <summary>Held keys of a row.</summary>
    public int Held;

    /// <summary>First row of the launch.</summary>
    public int FirstRow;

    /// <summary>First competing slot; those before stay.</summary>
    public int First;

    /// <summary>Competing slots; those after them stay.</summary>
    public int Count;

    /// <summary>How many of the competing stay, 0 .. Count.</summary>
    public int Best;
}

/// <summary>Exact-k selection after a prefill.</summary>
internal static class SelectKernels
{
    /// <summary>The best of the competing slots and all others, in order; of equal scores the lower slots (lower positions).</summary>
    [Kernel(KeptSlots.GroupSize, "one group a row of scores: radix select in shared memory, then an ordered list of slots")]
    public static void Select(SelectArguments a)
    {
        ArrayView<int> digits = SharedMemory.Allocate<int>(RadixSelect.SharedInts);
        ArrayView<int> counts = SharedMemory.Allocate<int>(KeptSlots.SharedInts);
        long row = (long)(a.FirstRow + Grid.IdxX) * a.Stride;
        var scores = new CompetingScores { Scores = a.Scores.SubView(row, a.Held), First = a.First, Count = a.Count };
        int ties = 0;
        // Nothing is above a threshold of all ones but what is protected.
        scores.Threshold = uint.MaxValue;
        if (a.Best > 0) scores.Threshold = RadixSelect.Threshold(scores, a.Count, a.Best, digits, out ties);
        KeptSlots.Write(scores, a.Held, ties, counts, a.Kept.SubView(row, a.Held));
    }

    private struct CompetingScores : ISelectionKeys, ISlotFate
    {
        public ArrayView<float> Scores;
        public int First;
        public int Count;
        public uint Threshold;

        public readonly uint Key(int candidate) => SortableFloat.Key(Scores[First + candidate]);

        public readonly Fate Of(int slot)
        {
            if (slot < First || slot >= First + Count) return Fate.Stays;
            uint key = SortableFloat.Key(Scores[slot]);
            if (key == Threshold) return Fate.Ties;
            return key > Threshold ? Fate.Stays : Fate.Goes;
        }
    }
}
