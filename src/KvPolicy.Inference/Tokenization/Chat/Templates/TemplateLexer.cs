using System.Globalization;
using System.Text;

namespace KvPolicy.Inference.Tokenization.Chat.Templates;

/// <summary>Kinds of token.</summary>
internal enum TokenType
{
    /// <summary>Text outside of tags.</summary>
    Data,

    /// <summary>{%</summary>
    BlockBegin,

    /// <summary>%}</summary>
    BlockEnd,

    /// <summary>{{</summary>
    PrintBegin,

    /// <summary>}}</summary>
    PrintEnd,

    /// <summary>A name or keyword.</summary>
    Name,

    /// <summary>A string literal, escapes resolved.</summary>
    Text,

    /// <summary>A number.</summary>
    Number,

    /// <summary>An operator or bracket.</summary>
    Operator,

    /// <summary>The end.</summary>
    End,
}

internal readonly record struct TemplateToken(TokenType Type, string Text, int Line);

/// <summary>Cuts a template into tokens, with the white-space rules that chat templates are rendered under: trim_blocks and lstrip_blocks
/// on.</summary>
internal sealed class TemplateLexer
{
    private static readonly string[] Operators =
    [
        "**", "//", "==", "!=", "<=", ">=", "+", "-", "*", "/", "%", "~", "<", ">", "=", "(", ")", "[", "]", "{", "}", ",", ".", ":", "|",
    ];

    private readonly string _source;
    private readonly List<TemplateToken> _tokens = [];
    private int _at, _line = 1;

    private TemplateLexer(string source)
    {
        // As Jinja reads a source: one kind of line end, and one at the very end does not count.
        _source = source.Replace("\r\n", "\n").Replace('\r', '\n');
        if (_source.EndsWith('\n')) _source = _source[..^1];
    }

    internal static List<TemplateToken> Read(string source)
    {
        var lexer = new TemplateLexer(source);
        lexer.Run();
        return lexer._tokens;
    }

    private void Run()
    {
        bool atLineStart = true;
        while (_at < _source.Length)
        {
            int tag = NextTag();
            string data = _source[_at..tag];
            _line += data.Count(c => c == '\n');
            _at = tag;
            if (tag >= _source.Length)
            {
                Data(data);
                break;
            }
            char sign = tag + 2 < _source.Length ? _source[tag + 2] : '\0';
            if (sign == '-') data = data.TrimEnd();
            else if (sign != '+' && _source[tag + 1] != '{') data = WithoutIndent(data, atLineStart);
            Data(data);
            Tag(sign is '-' or '+' ? 3 : 2);
            atLineStart = _source[_at - 1] == '\n';
        }
        _tokens.Add(new TemplateToken(TokenType.End, "", _line));
    }

    private void Data(string text)
    {
        if (text.Length > 0) _tokens.Add(new TemplateToken(TokenType.Data, text, _line));
    }

    // lstrip_blocks: white space between the start of a line and a block goes.
    private static string WithoutIndent(string data, bool atLineStart)
    {
        int lineStart = data.LastIndexOf('\n') + 1;
        return (lineStart > 0 || atLineStart) && string.IsNullOrWhiteSpace(data[lineStart..]) ? data[..lineStart] : data;
    }

    private int NextTag()
    {
        for (int at = _at; at + 1 < _source.Length; at++)
        {
            if (_source[at] == '{' && _source[at + 1] is '%' or '{' or '#') return at;
        }
        return _source.Length;
    }

    private void Tag(int open)
    {
        char kind = _source[_at + 1];
        if (kind == '#')
        {
            int end = _source.IndexOf("#}", _at + 2, StringComparison.Ordinal);
            if (end < 0) throw Error("a comment without its end");
            char sign = end > _at + 2 ? _source[end - 1] : '\0';
            _line += _source[_at..end].Count(c => c == '\n');
            _at = end + 2;
            After(sign, trims: true);
            return;
        }
        bool print = kind == '{';
        _tokens.Add(new TemplateToken(print ? TokenType.PrintBegin : TokenType.BlockBegin, "", _line));
        _at += open;
        char last = Inside(print ? "}}" : "%}");
        _tokens.Add(new TemplateToken(print ? TokenType.PrintEnd : TokenType.BlockEnd, "", _line));
        After(last, trims: !print);
    }

    // A minus takes all white space that follows; a block without a sign takes one newline (trim_blocks).
    private void After(char sign, bool trims)
    {
        if (sign == '-')
        {
            for (; _at < _source.Length && char.IsWhiteSpace(_source[_at]); _at++) if (_source[_at] == '\n') _line++;
        }
        else if (trims && sign != '+' && _at < _source.Length && _source[_at] == '\n')
        {
            _at++;
            _line++;
        }
    }

    // Reads tokens up to the end mark, and gives the sign before it.
    private char Inside(string end)
    {
        int depth = 0;
        while (true)
        {
            if (_at >= _source.Length) throw Error("a tag without its end");
            char c = _source[_at];
            if (c == '\n') _line++;
            if (char.IsWhiteSpace(c))
            {
                _at++;
                continue;
            }
            if (depth == 0 && (Starts(end) || ((c is '-' or '+') && string.CompareOrdinal(_source, _at + 1, end, 0, end.Length) == 0)))
            {
                bool bare = Starts(end);
                _at += bare ? end.Length : end.Length + 1;
                return bare ? '\0' : c;
            }
            if (c is '\'' or '"') Literal(c);
            else if (char.IsAsciiDigit(c)) Number();
            else if (char.IsLetter(c) || c == '_') Name();
            else
            {
                if (c is '(' or '[' or '{') depth++;
                if (c is ')' or ']' or '}') depth--;
                Operator();
            }
        }
    }

    private bool Starts(string text) => string.CompareOrdinal(_source, _at, text, 0, text.Length) == 0;

    private void Literal(char quote)
    {
        var text = new StringBuilder();
        for (_at++; ; _at++)
        {
            if (_at >= _source.Length) throw Error("a string without its end");
            char c = _source[_at];
            if (c == quote) break;
            if (c == '\n') _line++;
            if (c == '\\') Escape(text);
            else text.Append(c);
        }
        _at++;
        _tokens.Add(new TemplateToken(TokenType.Text, text.ToString(), _line));
    }

    private void Escape(StringBuilder text)
    {
        char c = ++_at < _source.Length ? _source[_at] : throw Error("a string without its end");
        switch (c)
        {
            case 'n': text.Append('\n'); break;
            case 't': text.Append('\t'); break;
            case 'r': text.Append('\r'); break;
            case '\\' or '\'' or '"': text.Append(c); break;
            case '\n': break;
            case 'u' when TryHex(_at + 1, out ushort unit):
                text.Append((char)unit);
                _at += 4;
                break;
            default: throw Error($"the escape '\\{c}' is not supported");
        }
    }

    private bool TryHex(int at, out ushort unit)
    {
        unit = 0;
        return at + 4 <= _source.Length
            && ushort.TryParse(_source.AsSpan(at, 4), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out unit);
    }

    private bool IsDigit(int at) => at < _source.Length && char.IsAsciiDigit(_source[at]);

    private void Number()
    {
        int from = _at;
        while (IsDigit(_at) || (_at < _source.Length && _source[_at] == '.' && IsDigit(_at + 1))) _at++;
        _tokens.Add(new TemplateToken(TokenType.Number, _source[from.._at], _line));
    }

    private void Name()
    {
        int from = _at;
        while (_at < _source.Length && (char.IsLetterOrDigit(_source[_at]) || _source[_at] == '_')) _at++;
        _tokens.Add(new TemplateToken(TokenType.Name, _source[from.._at], _line));
    }

    private void Operator()
    {
        string found = Array.Find(Operators, Starts) ?? throw Error($"the character '{_source[_at]}' is not expected");
        _at += found.Length;
        _tokens.Add(new TemplateToken(TokenType.Operator, found, _line));
    }

    private TemplateException Error(string problem) => new(string.Create(CultureInfo.InvariantCulture, $"line {_line}: {problem}"));
}
