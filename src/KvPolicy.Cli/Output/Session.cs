using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using KvPolicy.Cli.CommandLine;
using Spectre.Console;

namespace KvPolicy.Cli.Output;

/// <summary>Where a command's words go: standard output, standard error, and whether a person is looking.</summary>
internal sealed class Session
{
    // Tables that nobody's window limits: what reads them splits lines, not columns.
    private const int PipedWidth = 10_000;
    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false);
    private readonly Stream _output;
    private IAnsiConsole? _console;

    /// <summary>A session over any streams, so that tests need no process.</summary>
    /// <param name="output">Standard output.</param>
    /// <param name="errors">Standard error.</param>
    /// <param name="isTerminal">A person looks at both: colours and progress bars.</param>
    internal Session(Stream output, TextWriter errors, bool isTerminal)
    {
        (_output, Errors, IsTerminal) = (output, errors, isTerminal);
        Out = new StreamWriter(output, Utf8, 4096, leaveOpen: true) { NewLine = "\n" };
    }

    /// <summary>Text for standard output; flushed when the command ends.</summary>
    internal TextWriter Out { get; }

    /// <summary>Standard error.</summary>
    internal TextWriter Errors { get; }

    /// <summary>True where a person looks.</summary>
    internal bool IsTerminal { get; }

    /// <summary>Tables for standard output.</summary>
    internal IAnsiConsole Console => _console ??= MakeConsole(Out, IsTerminal);

    /// <summary>Writes one JSON value, whole.</summary>
    internal void WriteJson(Action<Utf8JsonWriter> write)
    {
        using var bytes = new MemoryStream();
        using (var json = new Utf8JsonWriter(bytes, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping })) write(json);
        bytes.WriteByte((byte)'\n');
        Out.Flush();
        _output.Write(bytes.GetBuffer().AsSpan(0, (int)bytes.Length));
        _output.Flush();
    }

    /// <summary>A line for people on standard error.</summary>
    internal void Note(string message) => Errors.WriteLine($"kvpolicy: {OneLine.Of(message)}");

    /// <summary>A progress bar on standard error, where a person looks.</summary>
    /// <param name="what">Name of the bar.</param>
    /// <param name="arguments">No bar with <c>--json</c>.</param>
    internal ProgressBar StartBar(string what, Arguments arguments)
        => ProgressBar.Start(IsTerminal && !arguments.Json ? MakeConsole(Errors, isTerminal: true) : null, what);

    private static IAnsiConsole MakeConsole(TextWriter writer, bool isTerminal)
    {
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = new AnsiConsoleOutput(writer),
            Ansi = isTerminal ? AnsiSupport.Detect : AnsiSupport.No,
            ColorSystem = isTerminal ? ColorSystemSupport.Detect : ColorSystemSupport.NoColors,
            Interactive = isTerminal ? InteractionSupport.Detect : InteractionSupport.No,
        });
        if (!isTerminal) console.Profile.Width = PipedWidth;
        return console;
    }
}
