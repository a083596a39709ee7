using KvPolicy.Cli.Verification.Oracles;

namespace KvPolicy.Policies.Tests;

/// <summary>Every policy equals its double-precision reference: scores within 1e-5 of the largest, kept sets and the set after each decode step but for ties closer than that.</summary>
public class EveryPolicyTests
{
    private const int Shapes = 200;

    public static TheoryData<string> Names => [.. Catalog.All.Select(info => info.Name)];

    [Fact]
    public void Every_policy_has_a_reference() => Assert.All(Catalog.All, info => Assert.NotNull(DoubleReference.For(info.Name)));

    [Theory]
    [MemberData(nameof(Names))]
    public void Equals_its_reference_on_random_shapes(string policy)
    {
        PolicyInfo info = Catalog.All.Single(p => p.Name == policy);
        DoubleReference reference = DoubleReference.For(policy)!;
        using var workers = new WorkerPool(2);
        int sets = 0, ties = 0, decoded = 0;
        for (int seed = 0; seed < Shapes; seed++)
        {
            Case c = Cases.Of(policy, seed);
            TensorScores actual = TensorScorer.Run(info.Create(c.Settings), c.Input, c.DecodeSteps, workers);
            OracleReport report = OracleComparison.Compare(reference, info, c.Settings, c.Input, c.DecodeSteps, actual);
            Assert.True(report.Differences.Count == 0, $"{c}\n{string.Join("\n", report.Differences.Take(5))}");
            (sets, ties, decoded) = (sets + report.Sets, ties + report.Ties, decoded + c.DecodeSteps);
        }

        // The cases must judge: most sets without recourse to a tie, and many of them while decoding.
        Assert.True(ties * 10 < sets, $"{ties} of {sets} sets were open because of ties");
        Assert.True(decoded > 500, $"only {decoded} steps were decoded");
    }
}
