using KvPolicy.Cli.CommandLine;
using KvPolicy.Cli.Tests.Support;
using KvPolicy.Policies;

namespace KvPolicy.Cli.Tests.Architecture;

/// <summary>The README tells what is: its policy, its kernel, its commands.</summary>
public class ReadmeTests
{
    private static readonly string[] Blocks = [.. File.ReadAllText(Path.Combine(Repository.Root, "README.md")).ReplaceLineEndings("\n").Split("```").Where((_, i) => i % 2 == 1)];

    private static IEnumerable<string> Lines(string block) => block.Split('\n').Skip(1).Select(line => line.Trim()).Where(line => line.Length > 0);

    [Fact]
    public void The_policies_are_the_shipped_ones()
    {
        string[] source = [.. ((string[])["SnapKv.cs", "KeyNorm.cs"]).SelectMany(file => File.ReadAllLines(Path.Combine(Repository.Root, "policies", "KvPolicy.Policies", file))).Select(line => line.Trim())];
        Assert.All(Lines(Blocks[0]).Where(line => !line.StartsWith("///", StringComparison.Ordinal)), line => Assert.Contains(line, source));
    }

    [Fact]
    public void The_kernel_is_the_generated_one()
    {
        string[] source = [.. Catalog.All.Single(p => p.Name == "KeyNorm").GpuSource.Split('\n').Select(line => line.Trim())];
        int at = 0;
        foreach (string line in Lines(Blocks[1]))
        {
            int found = Array.IndexOf(source, line, at);
            Assert.True(found >= 0, $"not in the generated kernel, or in another order: {line}");
            at = found + 1;
        }
    }

    [Fact]
    public void Its_commands_are_command_lines()
    {
        const string Run = "dotnet run -c Release --project src/KvPolicy.Cli -- ";
        string[] lines = [.. Blocks.SelectMany(Lines).Where(line => line.StartsWith(Run, StringComparison.Ordinal)).Select(line => "kvpolicy " + line[Run.Length..])];
        Assert.True(lines.Length >= 2);
        foreach (string line in lines)
        {
            string[] words = ShellWords.Split(line);
            ArgumentParser.Parse(ArgumentParser.Find(Application.Commands, words[1]), words.AsSpan(2));
        }
    }

    [Fact]
    public void Every_policy_is_named()
    {
        string readme = File.ReadAllText(Path.Combine(Repository.Root, "README.md"));
        Assert.All(Catalog.All, policy => Assert.Contains(policy.Name, readme, StringComparison.Ordinal));
    }
}
