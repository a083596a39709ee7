namespace KvPolicy.Inference.Generation;

/// <summary>
/// Held tokens that took no part in the last competition. They follow from the plan and from what stayed: whoever is protected stays, so
/// the first and the newest of the survivors are the first and the newest of those that were there before.
/// </summary>
/// <param name="rules">The policy's rules; null without one.</param>
/// <param name="prompt">Tokens of the prompt.</param>
/// <param name="length">Tokens that went through the cache.</param>
internal sealed class Bystanders(CompressionRules? rules, int prompt, int length)
{
    /// <summary>After the prefill, the same for every layer and head; none where nothing was evicted.</summary>
    internal int[] AfterPrefill()
    {
        if (rules?.Selector is not { KeepsAll: false } selector) return [];
        Protection protection = selector.ProtectionOf(prompt);
        bool shots = rules.Plan.Prefill!.Unit == Unit.Shot;
        return [.. Enumerable.Range(0, prompt).Where(p => protection.Covers(p, prompt) || (shots && selector.Shots.At(p) < 0))];
    }

    /// <summary>After the last decode step of a policy that evicts while decoding.</summary>
    /// <param name="held">Held positions, ascending.</param>
    internal int[] AtEnd(IReadOnlyList<int> held)
    {
        int k = rules!.DecodeBudget(length), newest = rules.Decode!.ProtectNewest ? 1 : 0;
        int frozen = rules.FreezesPrompt ? held.TakeWhile(p => p < prompt).Count() : 0;
        int[] competing = [.. held.Skip(frozen)];
        int sinks = Math.Min(competing.TakeWhile(p => p < rules.Plan.Sinks).Count(), k - newest);
        int recent = Math.Min(Math.Max(rules.Plan.RecentOf(k), newest), k - sinks);
        int open = Math.Max(0, competing.Length - sinks - recent);
        return [.. held.Take(frozen + sinks), .. held.Skip(frozen + sinks + open)];
    }
}
