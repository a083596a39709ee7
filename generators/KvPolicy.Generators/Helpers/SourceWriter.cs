using System.Text;

namespace KvPolicy.Generators.Helpers;

/// <summary>Writes indented text. Lines end with \n on every machine.</summary>
internal sealed class SourceWriter
{
    private readonly StringBuilder _text = new();
    private int _depth;
    private bool _spaced = true;

    /// <summary>Leaves one empty line, unless there is one already or a block begins here.</summary>
    public void Space()
    {
        if (_spaced) return;
        _text.Append('\n');
        _spaced = true;
    }

    /// <summary>Writes one line, or the lines of a multi-line text, each at the current depth.</summary>
    public void Line(string text)
    {
        _spaced = text.EndsWith("{", StringComparison.Ordinal) || text.EndsWith("[", StringComparison.Ordinal);
        foreach (string line in text.Split('\n'))
        {
            string trimmed = line.TrimEnd('\r', ' ');
            if (trimmed.Length > 0) _text.Append(' ', 4 * _depth).Append(trimmed);
            _text.Append('\n');
        }
    }

    /// <summary>Opens a brace block under a heading, or a bare one; disposing closes it.</summary>
    public Block Open(string heading = "")
    {
        if (heading.Length > 0) Line(heading);
        Line("{");
        _depth++;
        return new Block(this, "}");
    }

    /// <summary>Opens a brace block whose closing brace carries a suffix: an object initializer.</summary>
    public Block Open(string heading, string close)
    {
        Line(heading);
        Line("{");
        _depth++;
        return new Block(this, "}" + close);
    }

    /// <summary>Indents what follows by one step, without braces.</summary>
    public Block Indent()
    {
        _depth++;
        return new Block(this, null);
    }

    public override string ToString() => _text.ToString();

    internal readonly struct Block(SourceWriter writer, string? close) : IDisposable
    {
        public void Dispose()
        {
            writer._depth--;
            if (close is not null) writer.Line(close);
        }
    }
}
