namespace KvPolicy.Policies;

/// <summary>Random shots: whole shots that chance draws, the same in all layers. What the choice of ShotKV must beat.</summary>
/// <remarks>
/// A baseline, from no paper: the prefill of ShotKv in everything but the score. A shot draws one number, however long it is; the mean of numbers that its tokens
/// draw would favour or spare it by its length. Decoding evicts nothing. <c>seed</c> gives another draw.
/// </remarks>
[KvPolicy, Share(Scope.Layer, Reduce.Sum), Protect(Sinks = 4)]
[Prefill(Unit.Shot, Keep = 0.4f, Outside = Outside.KeepAndCount)]
public sealed partial class RandomShots
{
    /// <summary>The luck of the shot's draw.</summary>
    public static float Score([Draw(Scope.Model, Unit.Shot)] float random) => random;
}
