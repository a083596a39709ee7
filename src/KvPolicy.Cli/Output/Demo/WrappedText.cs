using System.Text;

namespace KvPolicy.Cli.Output.Demo;

/// <summary>Long sentences as lines of a page's width.</summary>
internal static class WrappedText
{
    private const int Width = 120;

    /// <summary>The text with line breaks between words.</summary>
    /// <param name="text">Words, one space between each.</param>
    /// <param name="indent">Spaces before every line but the first.</param>
    internal static string Of(string text, int indent = 0)
    {
        var lines = new StringBuilder();
        int column = 0;
        foreach (string word in text.Split(' '))
        {
            if (column > 0 && column + 1 + word.Length > Width)
            {
                lines.Append('\n').Append(' ', indent).Append(word);
                column = indent + word.Length;
                continue;
            }

            if (column > 0) lines.Append(' ');
            lines.Append(word);
            column += word.Length + (column > 0 ? 1 : 0);
        }

        return lines.ToString();
    }
}
