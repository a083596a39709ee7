namespace KvPolicy.Policies;

/// <summary>Random tokens: what chance keeps. A policy that does not beat it has learnt nothing of its keys.</summary>
/// <remarks>A baseline, from no paper: each layer, KV head and token draws its own number, and nothing is protected. <c>seed</c> gives another draw.</remarks>
[KvPolicy, Prefill(Keep = 0.25f)]
public sealed partial class RandomTokens
{
    /// <summary>The luck of the draw.</summary>
    public static float Score(float random) => random;
}
