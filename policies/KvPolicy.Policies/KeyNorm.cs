namespace KvPolicy.Policies;

/// <summary>L2 norm: keys of small norm are those that get attention (arXiv:2406.11430).</summary>
/// <remarks>The published score on every layer; the authors' code leaves the first two layers whole.</remarks>
[KvPolicy, Prefill(Keep = 0.5f)]
public sealed partial class KeyNorm
{
    /// <summary>The smaller the norm, the better.</summary>
    public static float Score(float keyNorm) => -keyNorm;
}
