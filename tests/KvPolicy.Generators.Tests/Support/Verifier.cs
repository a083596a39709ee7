using System.Runtime.CompilerServices;
using System.Text;
using DiffPlex.DiffBuilder;
using DiffPlex.DiffBuilder.Model;
using Xunit.Sdk;

namespace VerifyXunit;

/// <summary>
/// Verify's call shape and file names, without its package: <c>Name.verified.ext</c> beside the test is compared with the text; on a
/// mismatch <c>Name.received.ext</c> is written and the differing lines are shown. See the README for the switch to the package.
/// </summary>
public static class Verifier
{
    public static Snapshot Verify(string text, string extension, [CallerFilePath] string source = "") => new(text, extension, Path.GetDirectoryName(source)!);
}

/// <summary>A comparison that runs when it is awaited.</summary>
public sealed class Snapshot(string text, string extension, string directory)
{
    private string _directory = directory;
    private string _name = "";

    public Snapshot UseDirectory(string directory)
    {
        _directory = Path.Combine(_directory, directory);
        return this;
    }

    public Snapshot UseFileName(string name)
    {
        _name = name;
        return this;
    }

    public TaskAwaiter GetAwaiter() => Compare().GetAwaiter();

    private Task Compare()
    {
        string verified = Path.Combine(_directory, $"{_name}.verified.{extension}"), received = Path.Combine(_directory, $"{_name}.received.{extension}");
        string expected = File.Exists(verified) ? File.ReadAllText(verified).Replace("\r\n", "\n", StringComparison.Ordinal).TrimEnd('\n') : "";
        string actual = text.TrimEnd('\n');
        if (expected == actual && File.Exists(verified))
        {
            File.Delete(received);
            return Task.CompletedTask;
        }

        Directory.CreateDirectory(_directory);
        File.WriteAllText(received, actual, new UTF8Encoding(encoderShouldEmitUTF8Identifier: true));
        return Task.FromException(new XunitException($"{Path.GetFileName(verified)} differs from what was received:\n{Difference(expected, actual)}\nIf the new text is right, rename {received} to it."));
    }

    private static string Difference(string expected, string actual)
    {
        var lines = new StringBuilder();
        foreach (DiffPiece line in InlineDiffBuilder.Diff(expected, actual, ignoreWhiteSpace: false).Lines.Where(line => line.Type != ChangeType.Unchanged).Take(40))
            lines.Append(line.Type == ChangeType.Deleted ? "- " : "+ ").Append(line.Text).Append('\n');
        return lines.ToString();
    }
}
