using KvPolicy.Evaluation.Runs;
using KvPolicy.Policies;

namespace KvPolicy.Evaluation.Tests.Runs;

/// <summary>How policies are set for prompts of any length.</summary>
public class PolicyCellTests
{
    public static TheoryData<string> Policies => [.. Catalog.All.Select(policy => policy.Name)];

    [Theory]
    [InlineData("SnapKv", 0.25, 90, "recent=11 window=11")]
    [InlineData("SnapKv", 0.5, 600, "recent=16 window=16")]
    [InlineData("SnapKv", 0.1, 10, "recent=1 window=1")]
    [InlineData("ChunkKv", 0.1, 130, "recent=6 window=6")]
    [InlineData("ShotKv", 0.1, 130, "rows=16")]
    [InlineData("H2O", 0.1, 130, "")]
    [InlineData("StreamingLlm", 0.1, 130, "")]
    public void Windows_leave_half_of_a_small_budget(string policy, double keep, int tokens, string expected)
    {
        PolicySettings settings = Cell(policy, keep).SettingsFor(tokens, seed: 3);
        Assert.Equal(expected, string.Join(' ', settings.Values.OrderBy(value => value.Key, StringComparer.Ordinal).Select(value => $"{value.Key}={value.Value}")));
    }

    [Theory]
    [MemberData(nameof(Policies))]
    public void Any_policy_takes_its_settings_and_evicts_nothing_while_decoding(string policy)
    {
        foreach (double keep in (double[])[0.5, 0.25, 0.1])
        {
            foreach (int tokens in (int[])[1, 20, 90, 940])
            {
                PolicyPlan plan = Cell(policy, keep).Policy.Create(Cell(policy, keep).SettingsFor(tokens, int.MaxValue - 1)).Plan;
                Assert.True(plan.Decode is null or { Budget.KeepsAll: true });
                Assert.True(plan.Prefill is null || plan.Prefill.Budget == keep);
            }
        }
    }

    [Fact]
    public void Only_a_policy_without_a_prefill_keeps_all() => Assert.Equal(["KeepAll"], Catalog.All.Where(policy => Cell(policy.Name, 0.1).KeepsAll).Select(policy => policy.Name));

    [Fact]
    public void A_mode_says_what_is_compressed()
    {
        TaskPrompt prompt = EvaluationTasks.Code.Instance(1, 2).Prompt;
        int question = prompt.Text[prompt.QuestionStart..].Split(' ', StringSplitOptions.RemoveEmptyEntries).Length, all = prompt.ShotOfToken.Count;
        Assert.Equal((all - question, all - 1), (CompressionMode.Agnostic.ContextOf(prompt), CompressionMode.Aware.ContextOf(prompt)));
    }

    private static PolicyCell Cell(string policy, double keep) => new(Catalog.All.Single(p => p.Name == policy), keep, CompressionMode.Agnostic);
}
