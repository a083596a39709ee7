using System.Text;
using System.Text.Json;
using KvPolicy.Cli.Tests.Support;
using Process = System.Diagnostics.Process;

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
