namespace KvPolicy.Policies;

/// <summary>ShotKV: whole shots survive the prefill, single tokens compete while decoding (arXiv:2502.01941).</summary>
/// <remarks>
/// The rule of version 4: shots by the mean over their tokens of the attention of all queries and heads, chosen greedily per layer and then frozen; decoded tokens by the current
/// query's attention. Where the paper is silent: tokens outside shots always stay and count, packing stops at the first shot that does not fit, the newest token stays, four sinks are
/// protected. <c>scope=model</c> is version 1's choice across layers.
/// </remarks>
[KvPolicy, Share(Scope.Layer, Reduce.Sum), Protect(Sinks = 4)]
[Prefill(Unit.Shot, Keep = 0.4f, Outside = Outside.KeepAndCount), Decode(Keep = 0.4f, Of = Base.Generated)]
public sealed partial class ShotKv
{
    /// <summary>The attention that a token of a shot got from the prompt.</summary>
    public static float ScorePrefill([Observe(Rows.All)] float attention) => attention;

    /// <summary>The attention that a decoded token gets from the newest one.</summary>
    public static float ScoreDecode([Observe(Rows.Current)] float attention) => attention;
}
