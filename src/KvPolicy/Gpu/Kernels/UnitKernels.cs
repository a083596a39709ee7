using ILGPU;
using ILGPU.Runtime;

namespace KvPolicy.Gpu;

/// <summary>Arguments of the kernels that work on units of tokens.</summary>
internal struct UnitArguments
{
    /// <summary>The layer: positions and held counts.</summary>
    public GpuLayer Layer;

    /// <summary>Scores by slot, pooled where the policy pools: [rows, Layer.ScoreStride].</summary>
    public ArrayView<float> Scores;

    /// <summary>Score of each unit: [rows, Units].</summary>
    public ArrayView<float> UnitScores;

    /// <summary>Shot of each prompt position, -1 for none: [prompt]; one element where chunks compete.</summary>
    public ArrayView<int> ShotOf;

    /// <summary>How many tokens of each unit stay, of a chunk its first, of a shot all or none: [rows, Units].</summary>
    public ArrayView<int> Taken;

    /// <summary>Slots that stay, ascending: [rows, Layer.ScoreStride].</summary>
    public ArrayView<int> Kept;

    /// <summary>First row, and first KV head, that the launch is about.</summary>
    public int FirstRow;

    /// <summary>First competing slot; those before stay.</summary>
    public int First;

    /// <summary>Competing slots; those after them stay.</summary>
    public int Count;

    /// <summary>Tokens of a chunk, cut from <see cref="First"/> on; 0 where shots compete.</summary>
    public int Chunk;

    /// <summary>Units of a row.</summary>
    public int Units;

    /// <summary>Row of a group of the grid's y axis.</summary>
    public readonly int Row => FirstRow + Grid.IdxY;

    /// <summary>Shot of a slot of a KV head, -1 for none.</summary>
    public readonly int ShotAt(int kvHead, int slot)
    {
        int position = Layer.Positions[Layer.Slot(kvHead, slot)];
        return position < ShotOf.IntLength ? ShotOf[position] : -1;
    }
}

/// <summary>Tokens that compete in runs. A row of scores belongs to the KV head of its number, or (row 0) to all.</summary>
internal static class UnitKernels
{
    /// <summary>Sum of the scores of each chunk of the competing slots; the last may be short.</summary>
    [Kernel(32, "one thread a chunk; grid (chunks / 32, rows)")]
    public static void SumChunks(UnitArguments a)
    {
        int unit = Grid.IdxX * Group.DimX + Group.IdxX;
        if (unit * a.Chunk >= a.Count) return;
        ArrayView<float> scores = a.Scores.SubView((long)a.Row * a.Layer.ScoreStride + a.First, a.Count);
        float sum = 0f;
        for (int i = unit * a.Chunk; i < Math.Min(a.Count, (unit + 1) * a.Chunk); i++) sum += scores[i];
        a.UnitScores[(long)a.Row * a.Units + unit] = sum;
    }

    /// <summary>Mean of the scores of each shot's held tokens, wherever they lie; of a shot that holds none not a number.</summary>
    [Kernel(32, "one group a shot, a thread walks every 32nd slot; grid (shots, rows)")]
    public static void MeanShots(UnitArguments a)
    {
        ArrayView<float> sums = SharedMemory.Allocate<float>(32);
        ArrayView<int> counts = SharedMemory.Allocate<int>(32);
        int shot = Grid.IdxX;
        float sum = 0f;
        int count = 0;
        for (int slot = Group.IdxX; slot < a.Layer.Held[a.Row]; slot += Group.DimX)
        {
            if (a.ShotAt(a.Row, slot) != shot) continue;
            sum += a.Scores[(long)a.Row * a.Layer.ScoreStride + slot];
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

        a.UnitScores[(long)a.Row * a.Units + shot] = count > 0 ? sum / count : float.NaN;
    }

    /// <summary>Protected tokens, tokens of no unit, and what was taken of each unit, in order.</summary>
    [Kernel(KeptSlots.GroupSize, "one group a row: an ordered list of slots; grid (1, rows)")]
    public static void KeepUnits(UnitArguments a)
    {
        ArrayView<int> counts = SharedMemory.Allocate<int>(KeptSlots.SharedInts);
        int held = a.Layer.Held[a.Row];
        KeptSlots.Write(new UnitFate { A = a }, held, 0, counts, a.Kept.SubView((long)a.Row * a.Layer.ScoreStride, held));
    }

    private struct UnitFate : ISlotFate
    {
        public UnitArguments A;

        public readonly Fate Of(int slot)
        {
            int token = slot - A.First;
            if (token < 0 || token >= A.Count) return Fate.Stays;
            long row = (long)A.Row * A.Units;
            if (A.Chunk > 0) return token % A.Chunk < A.Taken[row + token / A.Chunk] ? Fate.Stays : Fate.Goes;
            int shot = A.ShotAt(A.Row, slot);
            if (shot < 0) return Fate.Stays;
            return A.Taken[row + shot] > 0 ? Fate.Stays : Fate.Goes;
        }
    }
}
