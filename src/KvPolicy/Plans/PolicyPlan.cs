namespace KvPolicy;

/// <summary>What a policy instance asks of the runtime: everything about it that is not arithmetic on scores. The generated class builds it from its properties.</summary>
public sealed record PolicyPlan
{
    /// <summary>Class name of the policy.</summary>
    public required string Name { get; init; }

    /// <summary>Compression after the prefill; null where nothing is ever evicted then.</summary>
    public PrefillPlan? Prefill { get; init; }

    /// <summary>Compression while decoding; null for none.</summary>
    public DecodePlan? Decode { get; init; }

    /// <summary><see cref="Scope.Head"/>: each KV head has its own kept set. <see cref="Scope.Layer"/>: all KV heads of a layer have one (scores have one row). <see cref="Scope.Model"/>: as Layer, and all layers have one (shots; the prefill is Deferred).</summary>
    public Scope Share { get; init; }

    /// <summary>First tokens that never compete.</summary>
    public int Sinks { get; init; }

    /// <summary>Newest held tokens that never compete; -1: <see cref="RecentShare"/> of the budget.</summary>
    public int Recent { get; init; }

    /// <summary>Share of the budget for the newest tokens, floored; only where <see cref="Recent"/> is -1.</summary>
    public decimal RecentShare { get; init; }

    /// <summary>True where a float per held key (running attention sum) lives and dies with the key.</summary>
    public bool HasState { get; init; }

    /// <summary>Newest tokens protected under a budget of <paramref name="k"/> tokens.</summary>
    public int RecentOf(int k) => Recent >= 0 ? Recent : (int)decimal.Floor(RecentShare * k);
}

/// <summary>Compression after the prefill.</summary>
public sealed record PrefillPlan
{
    /// <summary>What stays.</summary>
    public required Budget Budget { get; init; }

    /// <summary>What competes.</summary>
    public Unit Unit { get; init; }

    /// <summary>Tokens of a chunk.</summary>
    public int Chunk { get; init; }

    /// <summary>Tokens outside shots.</summary>
    public Outside Outside { get; init; }

    /// <summary>The first shot that does not fit.</summary>
    public Packing Packing { get; init; }

    /// <summary>Prompt queries that the score pass reads: 0 none, <see cref="int.MaxValue"/> all, else the last so many.</summary>
    public int Rows { get; init; }

    /// <summary>True where the pool pass runs between score and selection.</summary>
    public bool Pools { get; init; }
}

/// <summary>Compression while decoding.</summary>
public sealed record DecodePlan
{
    /// <summary>What stays.</summary>
    public required Budget Budget { get; init; }

    /// <summary>What the budget is a fraction of.</summary>
    public Base Of { get; init; }

    /// <summary>The newest token always stays and counts; otherwise it competes.</summary>
    public bool ProtectNewest { get; init; } = true;

    /// <summary>True where the score pass reads this step's attention probabilities.</summary>
    public bool ReadsAttention { get; init; }

    /// <summary>True where decoding goes on with the prompt's sums: the prefill's score pass runs even if nothing is evicted then, and a step's runs even if nothing is over its budget.</summary>
    public bool NeedsPrefillState { get; init; }
}
