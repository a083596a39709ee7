using System.Globalization;
using System.Text;

namespace KvPolicy.Inference.Tokenization.Splitting;

/// <summary>A split pattern in .NET's syntax, and every character that it names.</summary>
internal sealed record TranslatedPattern(string Pattern, IReadOnlyList<(char First, char Last)> Named);

/// <summary>
/// Turns the regular expressions of tokenizer files (Oniguruma's syntax) into .NET's. Only constructs that mean the same in both pass,
/// everything else is refused by name: a pattern that is almost understood would give other tokens without a word.
/// </summary>
internal sealed class PatternTranslator
{
    private const int MaxLength = 4096;
    private const int MaxDepth = 32;
    private const string Categories = "L Lu Ll Lt Lm Lo M Mn Mc Me N Nd Nl No P Pc Pd Ps Pe Pi Pf Po S Sm Sc Sk So Z Zs Zl Zp C Cc Cf Cs Co Cn";

    private readonly string _source;
    private readonly StringBuilder _out = new();
    private readonly List<(char, char)> _named = [];
    private int _at;
    private bool _ignoreCase;

    private PatternTranslator(string source) => _source = source;

    /// <exception cref="FormatException">The pattern has something that is not known to mean the same here; the message names it.</exception>
    internal static TranslatedPattern Translate(string source)
    {
        if (source.Length is 0 or > MaxLength) throw new FormatException($"a pattern of {source.Length} characters");
        var translator = new PatternTranslator(source);
        translator.Alternatives(0);
        if (translator._at < source.Length) throw translator.Unknown();
        return new TranslatedPattern(translator._out.ToString(), translator._named);
    }

    private char Current => _at < _source.Length ? _source[_at] : '\0';

    private bool Starts(string text) => string.CompareOrdinal(_source, _at, text, 0, text.Length) == 0;

    private FormatException Unknown() => new($"'{_source[_at..Math.Min(_source.Length, _at + 8)]}' at character {_at}");

    private void Copy(int count)
    {
        _out.Append(_source, _at, count);
        _at += count;
    }

    private void Alternatives(int depth)
    {
        if (depth > MaxDepth) throw new FormatException($"groups nested more than {MaxDepth} deep");
        while (_at < _source.Length && Current != ')')
        {
            if (Current == '|') Copy(1);
            else Quantified(depth);
        }
    }

    private void Quantified(int depth)
    {
        switch (Current)
        {
            case '(': Group(depth); break;
            case '[': Class(); break;
            case '\\': Escape(inClass: false); break;
            case '.': Copy(1); break;
            case '^' or '$' or '*' or '+' or '?' or '{' or '}' or ']': throw Unknown();
            default: Literal(_source[_at++]); break;
        }
        Quantifier();
    }

    // Possessive forms (++) and bounds without a first number ({,3}) differ between the two engines.
    private void Quantifier()
    {
        if (Current is '?' or '*' or '+') Copy(1);
        else if (Current == '{') Bounds();
        else return;
        if (Current == '?') Copy(1);
        if (Current is '+' or '*' or '?' or '{') throw Unknown();
    }

    private void Bounds()
    {
        int close = _source.IndexOf('}', _at);
        string[] bounds = close < 0 ? [] : _source[(_at + 1)..close].Split(',');
        bool known = bounds.Length switch
        {
            1 => IsBound(bounds[0]),
            2 => IsBound(bounds[0]) && (bounds[1].Length == 0 || IsBound(bounds[1])),
            _ => false,
        };
        if (!known) throw Unknown();
        Copy(close + 1 - _at);
    }

    private static bool IsBound(string digits)
        => digits.Length is > 0 and <= 4 && digits.All(char.IsAsciiDigit);

    private void Group(int depth)
    {
        bool outer = _ignoreCase;
        if (Starts("(?i:"))
        {
            // Written out letter by letter below: .NET's own IgnoreCase lacks the long s, which the other engine folds to s.
            _ignoreCase = true;
            _at += 4;
            _out.Append("(?:");
        }
        else if (Starts("(?:") || Starts("(?=") || Starts("(?!")) Copy(3);
        else if (Starts("(?")) throw Unknown();
        else
        {
            _at++;
            _out.Append("(?:");
        }
        Alternatives(depth + 1);
        if (Current != ')') throw new FormatException("a group without its end");
        Copy(1);
        _ignoreCase = outer;
    }

    private void Class()
    {
        Copy(1);
        if (Current == '^') Copy(1);
        if (Current == ']') throw Unknown();
        while (Current != ']')
        {
            if (_at >= _source.Length) throw new FormatException("a character class without its end");
            // Sets within sets, intersections and POSIX brackets are Oniguruma's alone; .NET's subtraction is .NET's alone.
            if (Current == '[' || Starts("&&")) throw Unknown();
            if (Current == '\\' && !IsEscapedCharacter()) Escape(inClass: true);
            else Range();
        }
        Copy(1);
    }

    private void Range()
    {
        char first = ClassCharacter();
        bool isRange = Current == '-' && _at + 1 < _source.Length && _source[_at + 1] != ']';
        if (!isRange)
        {
            foreach (char c in Cases(first)) Name(c, c);
            return;
        }
        _at++;
        if (Current == '[' || (Current == '\\' && !IsEscapedCharacter())) throw Unknown();
        char last = ClassCharacter();
        if (last < first || _ignoreCase) throw Unknown();
        Name(first, last);

        void Name(char from, char to)
        {
            _named.Add((from, to));
            Write(from);
            if (to == from) return;
            _out.Append('-');
            Write(to);
        }
    }

    private char ClassCharacter()
    {
        char c = Current == '\\' ? EscapedCharacter() : Plain(_source[_at++]);
        return c;
    }

    private bool IsEscapedCharacter()
    {
        char c = _at + 1 < _source.Length ? _source[_at + 1] : 'x';
        return c is 'r' or 'n' or 't' or 'f' || (char.IsAscii(c) && !char.IsAsciiLetterOrDigit(c));
    }

    private char EscapedCharacter()
    {
        char c = _source[_at + 1];
        _at += 2;
        return c switch { 'r' => '\r', 'n' => '\n', 't' => '\t', 'f' => '\f', _ => c };
    }

    private void Escape(bool inClass)
    {
        if (IsEscapedCharacter())
        {
            Literal(EscapedCharacter());
            return;
        }
        // \w, \b and \h differ between the engines; \S in a class does not.
        if (Starts("\\s") || Starts("\\S") || Starts("\\d") || (Starts("\\D") && !inClass))
        {
            Copy(2);
            return;
        }
        int close = Starts("\\p{") || Starts("\\P{") ? _source.IndexOf('}', _at) : -1;
        if (close < 0 || !Categories.Split(' ').Contains(_source[(_at + 3)..close])) throw Unknown();
        Copy(close + 1 - _at);
    }

    private void Literal(char c)
    {
        char[] cases = Cases(Plain(c));
        if (cases.Length > 1) _out.Append('[');
        foreach (char each in cases)
        {
            _named.Add((each, each));
            Write(each);
        }
        if (cases.Length > 1) _out.Append(']');
    }

    private char[] Cases(char c)
    {
        if (!_ignoreCase) return [c];
        if (c > 0x7F) throw new FormatException("a letter above U+007F where case is ignored");
        if (!char.IsAsciiLetter(c)) return [c];
        char lower = char.ToLowerInvariant(c);
        return lower switch
        {
            's' => ['s', 'S', '\u017F'],
            'k' => ['k', 'K', '\u212A'],
            _ => [lower, char.ToUpperInvariant(c)],
        };
    }

    private static char Plain(char c)
        => char.IsSurrogate(c) ? throw new FormatException("a character above U+FFFF") : c;

    private void Write(char c)
    {
        if (char.IsAsciiLetterOrDigit(c)) _out.Append(c);
        else _out.Append("\\u").Append(((int)c).ToString("X4", CultureInfo.InvariantCulture));
    }
}
