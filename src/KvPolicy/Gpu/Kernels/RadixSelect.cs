using ILGPU;

namespace KvPolicy.Gpu;

/// <summary>Sortable keys of the candidates 0 .. count - 1 of a selection. A struct, so that kernels are compiled for each of them.</summary>
internal interface ISelectionKeys
{
    /// <summary>Key of a candidate; greater is better.</summary>
    uint Key(int candidate);
}

/// <summary>The k-th largest key by four rounds of 8-bit digits. Counts only, so the order of the atomics changes nothing.</summary>
internal static class RadixSelect
{
    /// <summary>Ints of shared memory that <see cref="Threshold"/> works in: histogram, sums of eight bins, result.</summary>
    public const int SharedInts = Bins + Sums + 2;

    private const int Bins = 256;
    private const int Sums = 32;

    /// <summary>
    /// Key of the k-th best candidate; called by all threads of a group, ends with a barrier. The candidates above it and
    /// <paramref name="equal"/> of those that equal it are k together.
    /// </summary>
    /// <param name="keys">Keys.</param>
    /// <param name="count">Candidates.</param>
    /// <param name="k">1 .. count.</param>
    /// <param name="shared">[<see cref="SharedInts"/>]</param>
    /// <param name="equal">How many of the candidates with that key belong to the k best.</param>
    public static uint Threshold<TKeys>(TKeys keys, int count, int k, ArrayView<int> shared, out int equal) where TKeys : struct, ISelectionKeys
    {
        uint prefix = 0u, mask = 0u;
        int wanted = k;
        for (int shift = 24; shift >= 0; shift -= 8)
        {
            for (int bin = Group.IdxX; bin < Bins; bin += Group.DimX) shared[bin] = 0;
            Group.Barrier();
            for (int i = Group.IdxX; i < count; i += Group.DimX)
            {
                uint key = keys.Key(i);
                if ((key & mask) == prefix) Atomic.Add(ref shared[(int)((key >> shift) & 255u)], 1);
            }

            Group.Barrier();
            if (Group.IdxX < Sums)
            {
                int sum = 0;
                for (int bin = 0; bin < Bins / Sums; bin++) sum += shared[Group.IdxX * (Bins / Sums) + bin];
                shared[Bins + Group.IdxX] = sum;
            }

            Group.Barrier();
            if (Group.IdxX == 0) FindDigit(shared, wanted);
            Group.Barrier();
            prefix |= (uint)shared[Bins + Sums] << shift;
            mask |= 255u << shift;
            wanted = shared[Bins + Sums + 1];
        }

        equal = wanted;
        return prefix;
    }

    // From the top: the eight bins, then the bin, in which the wanted rank falls.
    private static void FindDigit(ArrayView<int> shared, int wanted)
    {
        int sum = Sums - 1;
        while (sum > 0 && shared[Bins + sum] < wanted) wanted -= shared[Bins + sum--];
        int bin = sum * (Bins / Sums) + Bins / Sums - 1;
        while (bin > 0 && shared[bin] < wanted) wanted -= shared[bin--];
        shared[Bins + Sums] = bin;
        shared[Bins + Sums + 1] = wanted;
    }
}
