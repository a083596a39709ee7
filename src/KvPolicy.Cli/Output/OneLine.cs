using System.Text;

namespace KvPolicy.Cli.Output;

/// <summary>Makes a message of any content one printable line.</summary>
internal static class OneLine
{
    private const int Longest = 1500;

    /// <summary>Line breaks and control characters as spaces and '?', long messages cut in the middle.</summary>
    internal static string Of(string message)
    {
        if (message.Length > Longest) message = message[..(Longest / 2)] + " ... " + message[^(Longest / 2)..];
        var line = new StringBuilder(message.Length);
        foreach (char c in message.Trim())
        {
            bool isBreak = c is '\n' or '\r' or '\t' or '\u0085' or '\u2028' or '\u2029';
            if (!isBreak) line.Append(char.IsControl(c) ? '?' : c);
            else if (line.Length > 0 && line[^1] != ' ') line.Append(' ');
        }

        return line.ToString();
    }
}
