using KvPolicy.Cli.CommandLine;
using KvPolicy.Cli.Tests.Support;
using KvPolicy.Policies;

namespace KvPolicy.Cli.Tests.Architecture;

/// <summary>docs/getting-started.md: its command lines work. Those about the policy that the reader writes are run in a copy of the repository by <c>.ci/walkthrough</c>.</summary>
public class GettingStartedTests
{
    private const string Run = "dotnet run -c Release --project src/KvPolicy.Cli -- ";

    private static readonly string Page = File.ReadAllText(Path.Combine(Repository.Root, "docs", "getting-started.md")).ReplaceLineEndings("\n");

    private static string[][] Commands => [.. Page.Split('\n').Where(line => line.StartsWith(Run, StringComparison.Ordinal)).Select(line => ShellWords.Split(line[Run.Length..]))];

    [Fact]
    public void Its_commands_are_command_lines()
    {
        Assert.InRange(Commands.Length, 8, 20);
        Assert.All(Commands, words => ArgumentParser.Parse(ArgumentParser.Find(Application.Commands, words[0]), words.AsSpan(1)));
    }

    [Fact]
    public void Those_about_policies_that_are_here_run()
    {
        string[][] here = [.. Commands.Where(words => Array.IndexOf(words, "--policy") is var at && (at < 0 || Catalog.All.Any(policy => policy.Name == words[at + 1])))];
        Assert.InRange(here.Length, 4, 20);
        foreach (string[] words in here)
        {
            CliResult result = InProcess.Run(words);
            Assert.True(result.Code == 0, $"{words[0]}: {result.Error}");
        }
    }

    [Fact]
    public void A_verification_has_as_many_lines_as_the_page_says()
    {
        string[] proofs = InProcess.Run("verify", "--policy", "SnapKv").Out.Split('\n').Where(line => line.TrimStart().StartsWith("ok ", StringComparison.Ordinal)).ToArray();
        Assert.Equal(6, proofs.Length);
        Assert.Contains("Six lines say `ok`", Page, StringComparison.Ordinal);
    }

    [Fact]
    public void The_budget_of_its_example_is_19_of_49_tokens()
    {
        string[] words = [.. Commands.Single(words => words.Contains("RandomTokens")), "--json"];
        System.Text.Json.JsonElement json = InProcess.Run(words).Json;
        Assert.Equal(49, json.GetProperty("promptTokens").GetInt32());
        Assert.All(json.GetProperty("receipt").GetProperty("kept").EnumerateArray().SelectMany(layer => layer.EnumerateArray()), kept => Assert.Equal(19, kept.GetInt32()));
        Assert.Contains("Both hold 19 tokens a head", Page, StringComparison.Ordinal);
    }

    [Fact]
    public void What_it_names_is_there()
    {
        Assert.DoesNotContain(Catalog.All, policy => policy.Name == "LargeKeys");
        foreach (string file in (string[])["write-a-policy.md", "consume.md", "architecture.md"])
        {
            Assert.Contains($"]({file})", Page, StringComparison.Ordinal);
            Assert.True(File.Exists(Path.Combine(Repository.Root, "docs", file)));
        }

        foreach (string command in (string[])["demo", "inspect", "pull"])
        {
            Assert.Contains($"`kvpolicy {command}", Page, StringComparison.Ordinal);
            Assert.Contains(Application.Commands, known => known.Name == command);
        }
    }
}
