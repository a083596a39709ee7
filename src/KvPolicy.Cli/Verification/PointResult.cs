namespace KvPolicy.Cli.Verification;

/// <summary>Whether one point holds for one policy.</summary>
/// <param name="Point">Number and name of the point.</param>
/// <param name="Policy">The policy.</param>
/// <param name="Passed">It holds.</param>
/// <param name="Figure">What was measured, or what is wrong.</param>
internal sealed record PointResult(string Point, string Policy, bool Passed, string Figure)
{
    /// <summary>It holds.</summary>
    internal static PointResult Ok(string point, VerifiedPolicy policy, string figure) => new(point, policy.Name, true, figure);

    /// <summary>It does not.</summary>
    internal static PointResult Fail(string point, VerifiedPolicy policy, string figure) => new(point, policy.Name, false, figure);
}
