using KvPolicy.Cli.CommandLine;
using KvPolicy.Cli.Tests.Support;

namespace KvPolicy.Cli.Tests.Commands;

public class ApplicationTests
{
    public static TheoryData<string> Names => [.. Application.Commands.Select(c => c.Name)];

    [Fact]
    public void Help_lists_every_command()
    {
        CliResult help = InProcess.Run("--help");
        Assert.Equal(0, help.Code);
        foreach (Command command in Application.Commands) Assert.Contains($"  {command.Name} ", help.Out, StringComparison.Ordinal);
    }

    /// <summary>Its whole run is long; what it does is tested by name.</summary>
    [Fact]
    public void Without_words_it_is_the_demo()
    {
        Assert.Equal(["demo"], Application.WithoutWords);
        Assert.Contains("`kvpolicy` alone is `kvpolicy demo`", InProcess.Run("--help").Out, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Every_command_has_help_with_an_example(string name)
    {
        CliResult help = InProcess.Run(name, "--help");
        Assert.Equal((0, ""), (help.Code, help.Error));
        Assert.Contains($"\n  kvpolicy {name}", help.Out, StringComparison.Ordinal);
        Assert.Equal(help.Out, InProcess.Run("help", name).Out);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Every_example_is_a_command_line_that_parses(string name)
    {
        Command command = Application.Commands.Single(c => c.Name == name);
        foreach (string example in command.Examples)
        {
            string[] words = ShellWords.Split(example);
            Assert.Equal(["kvpolicy", name], words[..2]);
            ArgumentParser.Parse(command, words.AsSpan(2));
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Help_is_also_JSON(string name)
    {
        Assert.Equal(InProcess.Run(name, "--help").Out, InProcess.Run(name, "--help", "--json").Json.GetString());
        Assert.Equal(InProcess.Run("--help").Out, InProcess.Run("--help", "--json").Json.GetString());
        Assert.Equal(InProcess.Run("help", name).Out, InProcess.Run("help", name, "--json").Json.GetString());
    }

    [Fact]
    public void The_version_is_also_JSON() => Assert.Equal(InProcess.Run("--version").Out.Trim(), InProcess.Run("--version", "--json").Json.GetString());

    [Fact]
    public void An_unknown_command_is_refused() => InProcess.Run("tokenizer").Refuses(2, "unknown command 'tokenizer'", "did you mean tokenize?");
}
