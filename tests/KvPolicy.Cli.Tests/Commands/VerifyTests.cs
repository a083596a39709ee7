using System.Text.Json;
using KvPolicy.Cli.Tests.Support;

namespace KvPolicy.Cli.Tests.Commands;

public class VerifyTests
{
    [Fact]
    public void Every_point_is_proved_for_a_policy()
    {
        JsonElement json = InProcess.Run("verify", "--policy", "ShotKv", "--json").Json;
        Assert.True(json.GetProperty("passed").GetBoolean());
        foreach (string policy in (string[])["ShotKv", "ShotKv scope=model"])
        {
            string[] points = [.. json.GetProperty("results").EnumerateArray().Where(r => r.GetProperty("policy").GetString() == policy).Select(r => r.GetProperty("point").GetString()![..1])];
            Assert.Equal(["1", "1", "2", "3", "4", "5"], points);
        }
    }

    [Fact]
    public void A_schedule_can_be_chosen()
    {
        CliResult layers = InProcess.Run("verify", "--policy", "KeepAll", "--schedule", "layer");
        Assert.Equal(0, layers.Code);
        Assert.Contains("5 of 5 proofs hold", layers.Out, StringComparison.Ordinal);
    }

    /// <summary>Nothing to evict is no fault of the policy.</summary>
    [Theory]
    [InlineData("--keep", "1", "evict nothing")]
    [InlineData("--keep-tokens", "5000", "evict nothing")]
    [InlineData("--keep-tokens", "100", "it holds")]
    public void Budgets_that_evict_nothing_are_no_failure(string option, string value, string figure)
    {
        CliResult result = InProcess.Run("verify", "--policy", "KeyNorm", option, value, "--schedule", "layer");
        Assert.True(result.Code == 0, result.Error);
        Assert.Contains(figure, result.Out, StringComparison.Ordinal);
    }

    [Fact]
    public void Bad_arguments_are_refused()
    {
        InProcess.Run("verify", "--policy", "KeyNorm", "--all").Refuses(2, "--policy and --all");
        InProcess.Run("verify", "--policy", "Nobody").Refuses(2, "'Nobody'", "KeyNorm");
        InProcess.Run("verify", "--all", "--keep", "0.5").Refuses(2, "--keep means nothing without --policy");
        InProcess.Run("verify", "--policy", "KeyNorm", "--set", "window=1").Refuses(2, "'window'");
    }
}
