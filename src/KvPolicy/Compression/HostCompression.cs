namespace KvPolicy;

/// <summary>Makes compressors that run a policy's host lowering.</summary>
public static class HostCompression
{
    /// <summary>A compressor of one sequence, closed over the policy's passes.</summary>
    /// <param name="policy">The policy.</param>
    /// <param name="cache">The sequence's cache; made with the plan's <see cref="PolicyPlan.HasState"/>.</param>
    /// <param name="prompt">The prompt.</param>
    /// <param name="workers">Threads.</param>
    public static SequenceCompressor Create(IKvPolicy policy, KvCache cache, PromptShape prompt, WorkerPool workers)
        => throw new PlatformNotSupportedException($"{policy.Plan.Name} {cache.Capacity} {prompt.Tokens} {workers.Threads}");
}
