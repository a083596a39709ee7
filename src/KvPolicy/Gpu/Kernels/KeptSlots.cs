using ILGPU;

namespace KvPolicy.Gpu;

/// <summary>What becomes of a slot.</summary>
internal enum Fate
{
    /// <summary>Dropped.</summary>
    Goes,

    /// <summary>Stays while places for ties are left, lower slots first.</summary>
    Ties,

    /// <summary>Stays.</summary>
    Stays,
}

/// <summary>Decides about slots. A struct, so that kernels are compiled for each of them.</summary>
internal interface ISlotFate
{
    /// <summary>Fate of a slot.</summary>
    Fate Of(int slot);
}

/// <summary>The ordered list of slots that stay, written by one group: each thread owns a run of slots, so their order costs two walks and one barrier.</summary>
internal static class KeptSlots
{
    /// <summary>Threads of the group.</summary>
    public const int GroupSize = 128;

    /// <summary>Ints of shared memory that <see cref="Write"/> works in.</summary>
    public const int SharedInts = 2 * GroupSize;

    /// <summary>Writes the slots that stay, ascending; called by all threads of a group.</summary>
    /// <param name="fate">Decides.</param>
    /// <param name="held">Slots.</param>
    /// <param name="ties">Places for ties.</param>
    /// <param name="shared">[<see cref="SharedInts"/>]</param>
    /// <param name="kept">[as many as stay]</param>
    public static void Write<TFate>(TFate fate, int held, int ties, ArrayView<int> shared, ArrayView<int> kept) where TFate : struct, ISlotFate
    {
        int run = (held + GroupSize - 1) / GroupSize;
        int from = Math.Min(held, Group.IdxX * run), to = Math.Min(held, from + run);
        int stays = 0, tied = 0;
        for (int slot = from; slot < to; slot++)
        {
            Fate of = fate.Of(slot);
            if (of == Fate.Stays) stays++;
            if (of == Fate.Ties) tied++;
        }

        shared[Group.IdxX] = stays;
        shared[GroupSize + Group.IdxX] = tied;
        Group.Barrier();
        (stays, tied) = (0, 0);
        for (int thread = 0; thread < Group.IdxX; thread++)
        {
            stays += shared[thread];
            tied += shared[GroupSize + thread];
        }

        int at = stays + Math.Min(tied, ties);
        for (int slot = from; slot < to; slot++)
        {
            Fate of = fate.Of(slot);
            bool keep = of == Fate.Stays || (of == Fate.Ties && tied < ties);
            if (of == Fate.Ties) tied++;
            if (keep) kept[at++] = slot;
        }
    }
}
