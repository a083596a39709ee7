namespace KvPolicy;

/// <summary>How often each pass of one policy ran. Counting allocates nothing.</summary>
internal sealed class PassCounts(string policy)
{
    private static readonly string[] Common = ["Units", "Select", "Compact", "Evict"];
    private static readonly string[] Own = ["Score", "Pool", "Decode"];
    private readonly long[] _launches = new long[7];

    /// <summary>The policy's score pass after a prefill.</summary>
    public void Score() => _launches[0]++;

    /// <summary>The policy's pool pass.</summary>
    public void Pool() => _launches[1]++;

    /// <summary>The policy's score pass of a decode step.</summary>
    public void Decode() => _launches[2]++;

    /// <summary>Scores of chunks or shots from those of their tokens, where that is a pass of its own.</summary>
    public void Units() => _launches[3]++;

    /// <summary>Selection after a prefill.</summary>
    public void Select() => _launches[4]++;

    /// <summary>Compaction after a prefill.</summary>
    public void Compact() => _launches[5]++;

    /// <summary>Eviction in a decode step.</summary>
    public void Evict() => _launches[6]++;

    /// <summary>The passes that ran.</summary>
    public IReadOnlyList<KernelCount> ToList()
        => [.. Own.Select(pass => $"{policy}.{pass}").Concat(Common).Select((name, i) => new KernelCount(name, _launches[i])).Where(count => count.Launches > 0)];
}
