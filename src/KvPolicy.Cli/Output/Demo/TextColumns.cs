using System.Text;

namespace KvPolicy.Cli.Output.Demo;

/// <summary>
/// Lines of words under one another: the first column to the left, the others to the right. A grid of many narrow numbers stays one line a row
/// whatever the window, which a table that wraps its cells would not.
/// </summary>
internal sealed class TextColumns(IReadOnlyList<int> gaps)
{
    private readonly List<string[]?> _rows = [];
    private readonly Dictionary<int, string> _headings = [];

    /// <summary>A row; as many words as gaps.</summary>
    internal void Add(params string[] words) => _rows.Add(words);

    /// <summary>A line across all columns, an empty one before it.</summary>
    internal void Heading(string text)
    {
        _headings.Add(_rows.Count, text);
        _rows.Add(null);
    }

    /// <inheritdoc/>
    public override string ToString()
    {
        int[] widths = [.. Enumerable.Range(0, gaps.Count).Select(i => _rows.Max(row => row?[i].Length ?? 0))];
        var text = new StringBuilder();
        for (int r = 0; r < _rows.Count; r++)
        {
            if (_rows[r] is not { } row) text.Append('\n').Append(_headings[r]);
            else text.Append(string.Concat(row.Select((word, i) => i == 0 ? word.PadRight(widths[i]) : word.PadLeft(widths[i] + gaps[i]))).TrimEnd());
            text.Append('\n');
        }

        return text.ToString();
    }
}
