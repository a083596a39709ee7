namespace KvPolicy;

/// <summary>Makes compressors that run a policy's host lowering.</summary>
internal static class HostCompression
{
    /// <summary>A compressor of one sequence, closed over the policy's passes.</summary>
    /// <param name="policy">The policy.</param>
    /// <param name="cache">The sequence's cache; made with the plan's <see cref="PolicyPlan.HasState"/>.</param>
    /// <param name="prompt">The prompt.</param>
    /// <param name="workers">Threads.</param>
    /// <exception cref="ArgumentException">The cache has no state although the plan needs it, the shots are not one number a token, or the prompt does not fit.</exception>
    public static SequenceCompressor Create(IKvPolicy policy, KvCache cache, PromptShape prompt, WorkerPool workers)
    {
        ArgumentNullException.ThrowIfNull(policy);
        ArgumentNullException.ThrowIfNull(cache);
        ArgumentNullException.ThrowIfNull(prompt);
        ArgumentNullException.ThrowIfNull(workers);
        PolicyPlan plan = policy.Plan;
        if (plan.HasState && !cache.HasState) throw new ArgumentException($"{plan.Name} keeps a number with each key: make the cache with hasState.", nameof(cache));
        if (prompt.Tokens < 1 || prompt.Tokens > cache.Capacity)
            throw new ArgumentException($"A prompt of {prompt.Tokens} tokens does not fit a cache of {cache.Capacity}: 1 to that many are possible.", nameof(prompt));
        if (prompt.Shots.Count != 0 && prompt.Shots.Count != prompt.Tokens)
            throw new ArgumentException($"{prompt.Shots.Count} shot numbers for {prompt.Tokens} tokens: one for each token, or none at all.", nameof(prompt));
        var binder = new Binder(plan, cache, prompt, workers);
        policy.Bind(ref binder);
        return binder.Compressor ?? throw new InvalidOperationException($"{plan.Name} did not hand over its passes.");
    }

    private struct Binder(PolicyPlan plan, KvCache cache, PromptShape prompt, WorkerPool workers) : IPassBinder
    {
        public SequenceCompressor? Compressor { get; private set; }

        public void Use<TPrefill, TDecode>(TPrefill prefill, TDecode decode)
            where TPrefill : struct, IPrefillPasses
            where TDecode : struct, IDecodePasses
            => Compressor = new HostCompressor<TPrefill, TDecode>(plan, cache, prompt, workers, prefill, decode);
    }
}
