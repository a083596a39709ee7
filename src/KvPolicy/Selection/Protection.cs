namespace KvPolicy;

/// <summary>How many of the first and of the newest held tokens do not compete. Together never more than the budget: sinks first.</summary>
internal readonly record struct Protection(int Sinks, int Recent)
{
    /// <summary>Of <paramref name="held"/> tokens in the order of their positions, under a budget of <paramref name="k"/>.</summary>
    public static Protection Of(PolicyPlan plan, int k, int held)
    {
        int sinks = Math.Min(plan.Sinks, Math.Min(k, held));
        return new(sinks, Math.Min(plan.RecentOf(k), Math.Min(k, held) - sinks));
    }

    /// <summary>Whether a slot is left out of the competition.</summary>
    public bool Covers(int slot, int held) => slot < Sinks || slot >= held - Recent;
}
