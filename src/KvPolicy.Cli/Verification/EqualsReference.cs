using KvPolicy.Cli.CommandLine;
using KvPolicy.Cli.Verification.Oracles;

namespace KvPolicy.Cli.Verification;

/// <summary>Point 2: scores and kept sets, after the prefill and after every decode step, are those of the double-precision reference, over shapes, ties, budgets of one and of everything, query groups.</summary>
internal sealed class EqualsReference
{
    private const string Point = "2 scores and kept sets equal the reference";
    private static readonly (int Kv, int Group, int Length, int Steps)[] Shapes =
        [(1, 1, 1, 0), (2, 1, 7, 3), (2, 3, 33, 8), (1, 4, 64, 12), (3, 3, 97, 6), (2, 4, 130, 10), (1, 3, 257, 4), (2, 1, 150, 20)];

    private readonly Func<VerifiedPolicy, IKvPolicy> _create;
    private readonly WorkerPool _workers;

    /// <summary>Prepares the check.</summary>
    /// <param name="workers">Threads.</param>
    /// <param name="create">Makes the policy that is judged; null for the one under the very settings that the reference gets.</param>
    internal EqualsReference(WorkerPool workers, Func<VerifiedPolicy, IKvPolicy>? create = null) => (_workers, _create) = (workers, create ?? (policy => policy.Create()));

    /// <summary>Checks a policy; null where no reference was written for it.</summary>
    internal PointResult? Check(VerifiedPolicy policy)
    {
        if (DoubleReference.For(policy.Info.Name) is not { } reference) return null;
        (int sets, int ties, double error) = (0, 0, 0.0);
        foreach (Budget keep in new Budget[] { policy.Settings.Keep!.Value, 0.5, Budget.OfTokens(1), 1.0 })
        {
            VerifiedPolicy budgeted = policy with { Settings = policy.Settings with { Keep = keep } };
            foreach ((int index, (int kv, int group, int length, int steps)) in Shapes.Index())
            {
                TensorInput input = RandomTensors.Make(index, kv, kv * group, length, coarse: index % 3 == 2);
                TensorScores actual = TensorScorer.Run(_create(budgeted), input, steps, _workers);
                OracleReport report = OracleComparison.Compare(reference, policy.Info, budgeted.Settings, input, steps, actual);
                if (report.Differences.Count > 0) return PointResult.Fail(Point, policy, $"{length} tokens, {kv * group}/{kv} heads, keep {keep}: {report.Differences[0]}");
                (sets, ties, error) = (sets + report.Sets, ties + report.Ties, Math.Max(error, report.ScoreError));
            }
        }

        return PointResult.Ok(Point, policy, $"{Numbers.Show(sets)} sets equal, {ties} of them open by a tie; scores within {Numbers.Show(error, "0.0e+0")} of the largest");
    }
}
