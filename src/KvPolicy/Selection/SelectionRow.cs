namespace KvPolicy;

/// <summary>One row of scores on its way to a kept set, with the scratch that it needs. Reused for every layer; one thread at a time.</summary>
internal sealed class SelectionRow
{
    /// <summary>A row for at most <paramref name="capacity"/> held tokens.</summary>
    public SelectionRow(int capacity)
    {
        int slots = (capacity + LayerView.TileKeys - 1) / LayerView.TileKeys * LayerView.TileKeys;
        Scores = new float[Math.Max(slots, LayerView.TileKeys)];
    }

    /// <summary>Score of each held slot as the policy gave it; whole tiles.</summary>
    public float[] Scores { get; }

    /// <summary>Score of each competing slot after pooling, from index 0 on.</summary>
    public float[] Pooled { get; private set; } = [];

    /// <summary>Score of each chunk or shot.</summary>
    public float[] Units { get; private set; } = [];

    /// <summary>How many tokens of each chunk or shot stay beside the protected ones; of a chunk its first, of a shot all or none.</summary>
    public int[] Taken { get; private set; } = [];

    /// <summary>Whether each slot stays.</summary>
    public bool[] Stays { get; private set; } = [];

    /// <summary>Slots that stay, ascending; the first <see cref="KeptCount"/>.</summary>
    public int[] Kept { get; private set; } = [];

    /// <summary>How many stay.</summary>
    public int KeptCount { get; set; }

    /// <summary>Sort keys of units, or of tokens while decoding.</summary>
    public ulong[] Order { get; private set; } = [];

    /// <summary>Tokens of each shot that the row holds, and those of them that compete.</summary>
    public (int Held, int Cost)[] Shots { get; private set; } = [];

    /// <summary>What stays.</summary>
    public ReadOnlySpan<int> KeptSlots => Kept.AsSpan(0, KeptCount);

    /// <summary>Room for a prefill of <paramref name="held"/> tokens and <paramref name="units"/> units.</summary>
    public void Prepare(int held, int units)
    {
        if (Kept.Length < held) (Pooled, Kept, Stays) = (new float[held], new int[held], new bool[held]);
        if (Units.Length < units) (Units, Taken, Shots) = (new float[units], new int[units], new (int, int)[units]);
        if (Order.Length < units) Order = new ulong[units];
    }

    /// <summary>Room for <paramref name="count"/> sort keys.</summary>
    public Span<ulong> OrderOf(int count)
    {
        if (Order.Length < count) Order = new ulong[Math.Max(count, 2 * Order.Length)];
        return Order.AsSpan(0, count);
    }

    /// <summary>Turns <see cref="Stays"/> into <see cref="Kept"/>.</summary>
    public void Collect(int held)
    {
        int to = 0;
        for (int slot = 0; slot < held; slot++)
        {
            if (Stays[slot]) Kept[to++] = slot;
        }

        KeptCount = to;
    }
}
