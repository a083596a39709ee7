using System.Text.Json;
using KvPolicy.Cli.Output.Demo;
using KvPolicy.Cli.Tests.Support;
using KvPolicy.Policies;

namespace KvPolicy.Cli.Tests.Commands;

public class DemoTests
{
    private static readonly string[] Small = ["demo", "--prompts", "2", "--task", "WK", "--task", "CG", "--policy", "SnapKv", "--policy", "ShotKv", "--policy", "KeepAll", "--threads", "2"];

    [Fact]
    public void The_table_has_a_row_for_every_policy_budget_and_mode_and_fits_a_page()
    {
        CliResult result = InProcess.Run(Small);
        Assert.Equal((0, ""), (result.Code, result.Error));
        string[] lines = result.Out.Split('\n');
        string[] table = [.. lines.SkipWhile(line => !line.StartsWith("policy", StringComparison.Ordinal)).TakeWhile(line => !line.StartsWith("mean", StringComparison.Ordinal))];
        Assert.Equal(["policy", "keep", "WK", "CG", "mean", "agree", "kept/n", "KiB", "prefill", "decode"], Words(table[0]));
        Assert.Equal(["KeepAll", "no"], table[1..3].Select(line => Words(line)[0]));
        Assert.Equal(6, table.Count(line => line.StartsWith("SnapKv ", StringComparison.Ordinal)));
        Assert.Equal(6, table.Count(line => line.StartsWith("ShotKv ", StringComparison.Ordinal)));
        Assert.All(table.Where(line => line.StartsWith("SnapKv ", StringComparison.Ordinal)), line => Assert.Equal(10, Words(line).Length));
        Assert.All(lines, line => Assert.InRange(line.Length, 0, 120));
        string text = string.Join(' ', Words(result.Out.Replace('\n', ' ')));
        Assert.Contains("What to see: the full cache answers 100 % of CG", text, StringComparison.Ordinal);
        Assert.Contains("last token is held back", text, StringComparison.Ordinal);
        Assert.Contains("(rows=16)", text, StringComparison.Ordinal);
        Assert.Contains("Nothing is evicted while decoding.", text, StringComparison.Ordinal);
        Assert.Contains(lines, line => line.Contains('█', StringComparison.Ordinal));
    }

    [Fact]
    public void Json_has_an_object_for_every_policy_budget_and_mode()
    {
        JsonElement json = InProcess.Run([.. Small, "--keep", "0.25", "--keep", "0.1", "--json"]).Json;
        JsonElement[] rows = [.. json.GetProperty("rows").EnumerateArray()];
        var keys = rows.Select(row => (row.GetProperty("policy").GetString(), row.GetProperty("keep").GetDouble(), row.GetProperty("mode").GetString())).ToList();
        Assert.Equal(12, keys.Distinct().Count());
        Assert.Equal(12, keys.Count);
        Assert.All(keys, key => Assert.True(key.Item1 is "SnapKv" or "ShotKv" or "KeepAll" && key.Item2 is 0.25 or 0.1 && key.Item3 is "agnostic" or "aware"));
        foreach (JsonElement row in rows.Append(json.GetProperty("full")))
        {
            foreach (string task in (string[])["WK", "CG"])
            {
                double accuracy = row.GetProperty("accuracy").GetProperty(task).GetDouble();
                double[] interval = [.. row.GetProperty("interval").GetProperty(task).EnumerateArray().Select(end => end.GetDouble())];
                Assert.True(0 <= interval[0] && interval[0] <= accuracy && accuracy <= interval[1] && interval[1] <= 1);
            }

            Assert.InRange(row.GetProperty("agreement").GetDouble(), 0, 1);
            Assert.InRange(row.GetProperty("kept").GetDouble(), 0, 1);
            Assert.True(row.GetProperty("bytes").GetDouble() > 0);
            Assert.True(row.GetProperty("tokensPerSecond").GetProperty("prefill").GetDouble() > 0);
            Assert.True(row.GetProperty("tokensPerSecond").GetProperty("decode").GetDouble() > 0);
        }

        Assert.All(rows.Where(row => row.GetProperty("policy").GetString() == "KeepAll"), row => Assert.Equal((1, 1), (row.GetProperty("kept").GetDouble(), row.GetProperty("agreement").GetDouble())));
        Assert.True(json.GetProperty("withoutShots").GetProperty("accuracy").GetProperty("CG").GetDouble() < json.GetProperty("full").GetProperty("accuracy").GetProperty("CG").GetDouble());
        Assert.Equal((7, 2, 16), (json.GetProperty("seed").GetInt32(), json.GetProperty("prompts").GetProperty("WK").GetInt32(), json.GetProperty("settings").GetProperty("rows").GetInt32()));
    }

    [Fact]
    public void Every_policy_of_the_catalogue_has_rows()
    {
        JsonElement json = InProcess.Run("demo", "--prompts", "1", "--task", "CSR", "--keep", "0.5", "--mode", "aware", "--json").Json;
        Assert.Equal(Catalog.All.Select(policy => policy.Name), json.GetProperty("rows").EnumerateArray().Select(row => row.GetProperty("policy").GetString()));
    }

    [Fact]
    public void The_full_cache_alone_has_its_own_run()
    {
        CliResult result = InProcess.Run("demo", "--full", "--prompts", "1", "--task", "LG", "--threads", "2");
        Assert.Equal((0, ""), (result.Code, result.Error));
        Assert.Contains("\nKeepAll ", result.Out, StringComparison.Ordinal);
        Assert.DoesNotContain("SnapKv", result.Out, StringComparison.Ordinal);
        Assert.DoesNotContain("What to see", result.Out, StringComparison.Ordinal);
    }

    /// <summary>Everything but speed and time.</summary>
    [Fact]
    public void The_same_seed_gives_the_same_figures()
    {
        string[] words = ["demo", "--prompts", "1", "--task", "WK", "--policy", "H2O", "--keep", "0.1", "--json"];
        string first = Figures(words), again = Figures([.. words, "--threads", "1"]);
        Assert.Equal(first, again);
        Assert.NotEqual(first, Figures([.. words, "--seed", "8", "--task", "AR"]));
    }

    [Fact]
    public void Bad_options_are_refused()
    {
        InProcess.Run("demo", "--policy", "Snapkv").Refuses(2, "'Snapkv'", "did you mean SnapKv?");
        InProcess.Run("demo", "--policy", "SnapKv", "--policy", "SnapKv").Refuses(2, "--policy SnapKv was given twice");
        InProcess.Run("demo", "--task", "XX").Refuses(2, "--task", "'XX'", "WK, CSR");
        InProcess.Run("demo", "--keep", "0.5", "--keep", "0").Refuses(2, "--keep", "'0'", "above 0, at most 1");
        InProcess.Run("demo", "--keep", "0.5", "--keep", "0.50").Refuses(2, "--keep 0.50 was given twice");
        InProcess.Run("demo", "--mode", "blind").Refuses(2, "--mode", "agnostic, aware");
        InProcess.Run("demo", "--prompts", "0").Refuses(2, "--prompts", "from 1 to");
        InProcess.Run("demo", "--full", "--policy", "SnapKv").Refuses(2, "--full and --policy");
    }

    /// <summary>What the sentence says of the random baselines is what the JSON says.</summary>
    [Fact]
    public void The_sentence_is_made_from_the_rows()
    {
        JsonElement json = InProcess.Run("demo", "--prompts", "4", "--task", "SA", "--policy", "ShotKv", "--policy", "RandomTokens", "--keep", "0.25", "--mode", "aware", "--json").Json;
        double[] accuracy = [.. json.GetProperty("rows").EnumerateArray().Select(row => row.GetProperty("accuracy").GetProperty("SA").GetDouble())];
        double[][] interval = [.. json.GetProperty("rows").EnumerateArray().Select(row => row.GetProperty("interval").GetProperty("SA").EnumerateArray().Select(end => end.GetDouble()).ToArray())];
        string verdict = interval[0][0] > interval[1][1] ? "above" : interval[0][1] < interval[1][0] ? "below" : "not apart from";
        string expected = FormattableString.Invariant($"is {verdict} the {100 * accuracy[1]:0} % [{100 * interval[1][0]:0}, {100 * interval[1][1]:0}] of random tokens");
        Assert.Contains(expected, json.GetProperty("sentence").GetString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0, "")]
    [InlineData(0.005, "▎")]
    [InlineData(0.5, "█████████████████████████")]
    public void A_bar_is_as_long_as_its_share(double share, string expected) => Assert.Equal(expected, DemoPlot.BarOf(share));

    private static string Figures(string[] words)
    {
        JsonElement row = Assert.Single(InProcess.Run(words).Json.GetProperty("rows").EnumerateArray().ToArray().Take(1));
        return string.Join(' ', ((string[])["accuracy", "interval", "agreement", "kept", "bytes"]).Select(name => row.GetProperty(name).GetRawText()));
    }

    private static string[] Words(string line) => line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
}
