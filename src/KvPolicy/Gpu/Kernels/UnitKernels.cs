using ILGPU;
using ILGPU.Runtime;

namespace KvPolicy.Gpu;

/// <summary>Arguments of the kernels that reduce token scores over units.</summary>
internal struct UnitArguments
{
    /// <summary>Token scores: [rows, Stride].</summary>
    public ArrayView<float> Scores;

    /// <summary>Result: [rows, Units].</summary>
    public ArrayView<float> UnitScores;

    /// <summary>Unit of each token, -1 for none: [Count]. Not read by <see cref="UnitKernels.SumChunks"/>.</summary>
    public ArrayView<int> UnitOf;

    /// <summary>Floats from a row to the next.</summary>
    public int Stride;

    /// <summary>First token that is looked at.</summary>
    public int First;

    /// <summary>Tokens that are looked at.</summary>
    public int Count;

    /// <summary>Tokens of a chunk. Not read by <see cref="UnitKernels.MeanShots"/>.</summary>
    public int Chunk;

    /// <summary>Number of units.</summary>
    public int Units;
}

/// <summary>Arguments of <see cref="UnitKernels.KeepUnits"/>.</summary>
internal struct KeepUnitsArguments
{
    /// <summary>Unit of each token, -1 for none: [Held]; one element where <see cref="Chunk"/> is positive.</summary>
    public ArrayView<int> UnitOf;

    /// <summary>How many of a unit's first tokens stay: [rows, Units].</summary>
    public ArrayView<int> Tokens;

    /// <summary>Slots that stay, ascending: [rows, Stride].</summary>
    public ArrayView<int> Kept;

    /// <summary>Entries from a row of <see cref="Kept"/> to the next.</summary>
    public int Stride;

    /// <summary>Held keys of a row.</summary>
    public int Held;

    /// <summary>First competing slot; those before stay.</summary>
    public int First;

    /// <summary>Competing slots; those after them stay.</summary>
    public int Count;

    /// <summary>Tokens of a chunk, cut from <see cref="First"/> on; 0 where <see cref="UnitOf"/> says the unit.</summary>
    public int Chunk;

    /// <summary>Number of units.</summary>
    public int Units;
}

/// <summary>Tokens that compete in runs.</summary>
internal static class UnitKernels
{
    /// <summary>Sum of the scores of each chunk; the last may be short.</summary>
    [Kernel(32, "one thread a chunk; grid (chunks / 32, rows)")]
    public static void SumChunks(UnitArguments a)
    {
        int unit = Grid.IdxX * Group.DimX + Group.IdxX;
        if (unit >= a.Units) return;
        ArrayView<float> scores = a.Scores.SubView((long)Grid.IdxY * a.Stride + a.First, a.Count);
        float sum = 0f;
        for (int i = unit * a.Chunk; i < Math.Min(a.Count, (unit + 1) * a.Chunk); i++) sum += scores[i];
        a.UnitScores[(long)Grid.IdxY * a.Units + unit] = sum;
    }

    /// <summary>Mean of the scores of each shot's tokens, wherever they lie.</summary>
    [Kernel(32, "one group a shot, a thread walks every 32nd token; grid (shots, rows)")]
    public static void MeanShots(UnitArguments a)
    {
        ArrayView<float> sums = SharedMemory.Allocate<float>(32);
        ArrayView<int> counts = SharedMemory.Allocate<int>(32);
        ArrayView<float> scores = a.Scores.SubView((long)Grid.IdxY * a.Stride + a.First, a.Count);
        float sum = 0f;
        int count = 0;
        for (int i = Group.IdxX; i < a.Count; i += Group.DimX)
        {
            if (a.UnitOf[i] != Grid.IdxX) continue;
            sum += scores[i];
            count++;
        }

        sums[Group.IdxX] = sum;
        counts[Group.IdxX] = count;
        Group.Barrier();
        if (Group.IdxX != 0) return;
        for (int thread = 1; thread < 32; thread++)
        {
            sum += sums[thread];
            count += counts[thread];
        }

        a.UnitScores[(long)Grid.IdxY * a.Units + Grid.IdxX] = sum / count;
    }

    /// <summary>Protected tokens, tokens of no unit, and the first tokens of each unit, in order.</summary>
    [Kernel(KeptSlots.GroupSize, "one group a row: an ordered list of slots")]
    public static void KeepUnits(KeepUnitsArguments a)
    {
        ArrayView<int> counts = SharedMemory.Allocate<int>(KeptSlots.SharedInts);
        KeptSlots.Write(new UnitFate { A = a }, a.Held, 0, counts, a.Kept.SubView((long)Grid.IdxX * a.Stride, a.Held));
    }

    private struct UnitFate : ISlotFate
    {
        public KeepUnitsArguments A;

        public readonly Fate Of(int slot)
        {
            int token = slot - A.First;
            if (token < 0 || token >= A.Count) return Fate.Stays;
            long row = (long)Grid.IdxX * A.Units;
            if (A.Chunk > 0) return token % A.Chunk < A.Tokens[row + token / A.Chunk] ? Fate.Stays : Fate.Goes;
            int unit = A.UnitOf[slot];
            if (unit < 0) return Fate.Stays;
            // A shot stays whole or goes whole.
            return A.Tokens[row + unit] > 0 ? Fate.Stays : Fate.Goes;
        }
    }
}
