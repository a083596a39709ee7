namespace KvPolicy;

/// <summary>How often each pass of one policy ran. Counting allocates nothing.</summary>
internal sealed class PassCounts(string policy)
{
    private static readonly string[] Common = ["Select", "Compact", "Evict"];
    private static readonly string[] Own = ["Score", "Pool", "Decode"];
    private readonly long[] _launches = new long[6];

    /// <summary>The policy's score pass after a prefill.</summary>
    public void Score() => _launches[0]++;

    /// <summary>The policy's pool pass.</summary>
    public void Pool() => _launches[1]++;

    /// <summary>The policy's score pass of a decode step.</summary>
    public void Decode() => _launches[2]++;

    /// <summary>Selection after a prefill.</summary>
    public void Select() => _launches[3]++;

    /// <summary>Compaction after a prefill.</summary>
    public void Compact() => _launches[4]++;

    /// <summary>Eviction in a decode step.</summary>
    public void Evict() => _launches[5]++;

    /// <summary>The passes that ran.</summary>
    public IReadOnlyList<KernelCount> ToList()
        => [.. Own.Select(pass => $"{policy}.{pass}").Concat(Common).Select((name, i) => new KernelCount(name, _launches[i])).Where(count => count.Launches > 0)];
}
