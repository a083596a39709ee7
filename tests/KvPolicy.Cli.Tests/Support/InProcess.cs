using System.Text;
using System.Text.Json;
using KvPolicy.Cli.Output;

namespace KvPolicy.Cli.Tests.Support;

/// <summary>What a command line gave.</summary>
internal sealed record CliResult(int Code, string Out, string Error)
{
    /// <summary>Standard output as the one JSON value that it must be.</summary>
    internal JsonElement Json
    {
        get
        {
            Assert.True(Code == 0, $"exit {Code}: {Error}");
            return JsonDocument.Parse(Out).RootElement;
        }
    }

    /// <summary>Asserts a refusal: the exit code, nothing on standard output, one line on standard error that holds every part.</summary>
    internal void Refuses(int code, params ReadOnlySpan<string> parts)
    {
        Assert.True(Code == code, $"exit {Code}, not {code}: {Error}{Out}");
        Assert.Equal("", Out);
        Assert.EndsWith("\n", Error.Replace("\r\n", "\n"), StringComparison.Ordinal);
        string line = Assert.Single(Error.TrimEnd('\r', '\n').Split('\n'));
        Assert.StartsWith("kvpolicy", line, StringComparison.Ordinal);
        foreach (string part in parts) Assert.Contains(part, line, StringComparison.Ordinal);
        Assert.DoesNotContain("internal error", line, StringComparison.Ordinal);
    }
}

/// <summary>The program without its process.</summary>
internal static class InProcess
{
    /// <summary>Runs a command line.</summary>
    internal static CliResult Run(params ReadOnlySpan<string> words)
    {
        using var output = new MemoryStream();
        using var errors = new StringWriter();
        int code = Application.Run(words, new Session(output, errors, isTerminal: false));
        return new CliResult(code, Encoding.UTF8.GetString(output.GetBuffer(), 0, (int)output.Length), errors.ToString());
    }
}
