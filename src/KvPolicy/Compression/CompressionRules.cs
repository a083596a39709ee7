namespace KvPolicy;

/// <summary>What follows from a plan and a prompt alone, the same on every device: which passes run, on which rows, under which budgets.</summary>
internal sealed class CompressionRules
{
    private readonly int _prompt;

    /// <summary>Rules of one sequence.</summary>
    public CompressionRules(PolicyPlan plan, PromptShape prompt)
    {
        (Plan, _prompt) = (plan, prompt.Tokens);
        Selector = plan.Prefill is { } after ? new PrefillSelector(plan, after, prompt) : null;
        Decode = plan.Decode is { Budget.KeepsAll: false } during ? during : null;
        Notes = Selector is { LacksShots: true } ? ["the prompt has no shots: it is kept whole"] : [];
    }

    /// <summary>The plan.</summary>
    public PolicyPlan Plan { get; }

    /// <summary>Chooses what stays after the prefill; null without that phase.</summary>
    public PrefillSelector? Selector { get; }

    /// <summary>The decode phase where anything can be evicted in it.</summary>
    public DecodePlan? Decode { get; }

    /// <summary>Notes for the receipt.</summary>
    public IReadOnlyList<string> Notes { get; }

    /// <summary>True where all KV heads of a layer have one kept set, so one row of scores.</summary>
    public bool Shared => Plan.Share != Scope.Head;

    /// <summary>True where the prefill can evict anything.</summary>
    public bool Evicts => Selector is { KeepsAll: false };

    /// <summary>True where the state of decoding begins with the prefill's scores.</summary>
    public bool SeedsState => Selector is not null && SumsWhileDecoding;

    /// <summary>True where every decode step adds to the keys' state, whether or not it evicts. State of the prefill alone is none of its business.</summary>
    public bool SumsWhileDecoding => Decode is { NeedsPrefillState: true };

    /// <summary>True where a decode step's score pass reads its attention.</summary>
    public bool ReadsDecodeAttention => Decode is { ReadsAttention: true };

    /// <summary>True where what stayed of the prompt does not compete while decoding.</summary>
    public bool FreezesPrompt => Decode is { Of: Base.Generated };

    /// <summary>First prompt row that the score pass reads.</summary>
    /// <param name="scores">Whether it runs.</param>
    public int FirstObservedRow(bool scores) => _prompt - (scores ? Math.Min(_prompt, Plan.Prefill!.Rows) : 0);

    /// <summary>Whether a selection among at most <paramref name="held"/> tokens can drop one. Shots may go although the budget is not full.</summary>
    public bool EvictsFrom(int held) => Evicts && (held > Selector!.Budget || Plan.Prefill!.Unit == Unit.Shot);

    /// <summary>Competing and protected tokens that stay in a decode step, the frozen ones not counted.</summary>
    /// <param name="length">Tokens of the sequence, the new one included.</param>
    public int DecodeBudget(int length) => Decode!.Of switch
    {
        Base.Generated => Decode.Budget.CeilingOf(length - _prompt),
        Base.All => Decode.Budget.FloorOf(length),
        _ => Decode.Budget.FloorOf(_prompt),
    };
}
