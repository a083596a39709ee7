using System.Diagnostics;
using System.Text;
using System.Text.Json;
using KvPolicy.Cli.Tests.Support;

namespace KvPolicy.Cli.Tests.Processes;

public sealed class ProgramTests : IDisposable
{
    private static readonly Dictionary<string, string> Plain = [];
    private static readonly Dictionary<string, string> German = new() { ["LANG"] = "de_DE.UTF-8", ["LC_ALL"] = "de_DE.UTF-8" };
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void The_version_is_one_line() => Assert.Matches(@"^\d+\.\d+\.\d+\n$", CliProcess.Run(Plain, "--version").Out);

    [Fact]
    public void A_wrong_command_line_exits_with_2() => CliProcess.Run(Plain, "tokenise").Refuses(2, "unknown command 'tokenise'", "did you mean tokenize?");

    [Fact]
    public async Task A_closed_pipe_ends_it_quietly()
    {
        string texts = _folder.Write("texts.json", JsonSerializer.Serialize(Enumerable.Repeat(" Q : flag of desia ? [ blue gold teal pink ] A :", 20_000)));
        using Process process = CliProcess.Start(Plain, "tokenize", "--model", "embedded", "--file", texts);
        Task<string> errors = process.StandardError.ReadToEndAsync();
        Assert.NotNull(process.StandardOutput.ReadLine());
        process.StandardOutput.Close();
        Assert.Equal(0, CliProcess.ExitCode(process));
        Assert.Equal("", await errors);
    }

    [Fact]
    public void Output_is_UTF8_and_numbers_are_invariant_in_any_locale()
    {
        CliResult german = CliProcess.Run(German, "tokenize", "--model", "embedded", "--text", "Grüße 1.5", "--json");
        Assert.Equal(CliProcess.Run(Plain, "tokenize", "--model", "embedded", "--text", "Grüße 1.5", "--json").Out, german.Out);
        Assert.True(german.Json.GetArrayLength() > 3);
    }

    [SkippableTheory]
    [InlineData("INT", 130)]
    [InlineData("TERM", 143)]
    public async Task A_signal_ends_it_quietly_and_leaves_nothing(string signal, int expected)
    {
        Skip.IfNot(OperatingSystem.IsLinux(), "signals are sent by Linux's tools");
        // All queries against all keys of a long sequence on one thread: long enough to be caught at work.
        string input = Tensors.Write(_folder, "i", Tensors.Layer(queryHeads: 16, kvHeads: 2, length: 9000, headDim: 32));
        string program = $"dotnet '{Path.Combine(AppContext.BaseDirectory, "KvPolicy.Cli.dll")}' score --policy H2O --threads 1 --input '{input}' --output '{_folder["o"]}'";
        // A test run in the background ignores SIGINT, and so would its children.
        var start = new ProcessStartInfo("env") { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (string word in (string[])["--default-signal=INT", "sh", "-c", $"exec {program}"]) start.ArgumentList.Add(word);
        using Process process = Process.Start(start)!;
        while (_folder.Names.Length < 2 && !process.HasExited) await Task.Delay(20);
        Assert.False(process.HasExited, "it ended before it could be signalled");
        using (Process kill = Process.Start("kill", [$"-{signal}", $"{process.Id}"])) await kill.WaitForExitAsync();
        Assert.Equal(expected, CliProcess.ExitCode(process));
        Assert.Equal("", await process.StandardError.ReadToEndAsync());
        Assert.Equal(["i"], _folder.Names);
    }

    [Theory]
    [InlineData("no-such 2>&-", 2)]
    [InlineData("no-such 2>/dev/full", 2)]
    [InlineData("policies >&-", 1)]
    [InlineData("policies --json >&-", 1)]
    public void A_stream_that_is_closed_or_full_leaves_the_exit_code(string command, int expected)
    {
        if (!OperatingSystem.IsLinux()) return;
        using Process shell = Process.Start("sh", ["-c", $"exec dotnet '{Path.Combine(AppContext.BaseDirectory, "KvPolicy.Cli.dll")}' {command}"]);
        Assert.Equal(expected, CliProcess.ExitCode(shell));
    }

    [Fact]
    public void Standard_output_and_error_in_one_file_do_not_overwrite_each_other()
    {
        if (OperatingSystem.IsWindows()) return;
        string log = _folder["log"];
        string program = $"dotnet '{Path.Combine(AppContext.BaseDirectory, "KvPolicy.Cli.dll")}'";
        using Process shell = Process.Start("sh", ["-c", $"{{ {program} --version; {program} no-such; {program} --version; }} > '{log}' 2>&1"]);
        CliProcess.ExitCode(shell);
        string[] lines = File.ReadAllLines(log, Encoding.UTF8);
        Assert.Equal(3, lines.Length);
        Assert.Equal(lines[0], lines[2]);
        Assert.Contains("unknown command 'no-such'", lines[1], StringComparison.Ordinal);
    }
}
