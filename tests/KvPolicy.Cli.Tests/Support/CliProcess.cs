using System.Diagnostics;
using System.Text;

namespace KvPolicy.Cli.Tests.Support;

/// <summary>The program as a process of its own: for signals, pipes and locales.</summary>
internal static class CliProcess
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    /// <summary>Starts it.</summary>
    internal static Process Start(IReadOnlyDictionary<string, string> environment, params ReadOnlySpan<string> words)
    {
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true, RedirectStandardError = true, StandardOutputEncoding = Encoding.UTF8, StandardErrorEncoding = Encoding.UTF8 };
        start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, "KvPolicy.Cli.dll"));
        foreach (string word in words) start.ArgumentList.Add(word);
        foreach ((string name, string value) in environment) start.Environment[name] = value;
        return Process.Start(start)!;
    }

    /// <summary>Runs it to its end.</summary>
    internal static CliResult Run(IReadOnlyDictionary<string, string> environment, params ReadOnlySpan<string> words)
    {
        using Process process = Start(environment, words);
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        return new CliResult(ExitCode(process), output, errors.Result);
    }

    /// <summary>Waits for its end.</summary>
    internal static int ExitCode(Process process)
    {
        if (!process.WaitForExit(Patience))
        {
            process.Kill(entireProcessTree: true);
            Assert.Fail("the program did not end");
        }

        process.WaitForExit();
        return process.ExitCode;
    }
}
