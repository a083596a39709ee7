namespace KvPolicy.Policies;

/// <summary>H2O: heavy hitters, the keys with most attention so far, and the newest tokens, half the budget each (arXiv:2306.14048).</summary>
/// <remarks>The sum runs over every query of the prompt and of decoding, and is lost with its key, as published; a query group is averaged. Published ratios 0.1 + 0.1 make Keep 0.2.</remarks>
[KvPolicy, Prefill(Keep = 0.2f), Decode(Of = Base.Prompt), Observe(Rows.All), Protect(RecentShare = 0.5f)]
public sealed partial class H2O
{
    /// <summary>The attention that the key got so far.</summary>
    public static float Score(float attention) => attention;
}
