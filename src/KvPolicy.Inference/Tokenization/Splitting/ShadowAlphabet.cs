using System.Globalization;
using System.Text;

namespace KvPolicy.Inference.Tokenization.Splitting;

/// <summary>
/// Texts as patterns shall see them: one UTF-16 unit for each code point. .NET's Regex sees a character above U+FFFF as two surrogates,
/// which are in no letter, number or mark class; here it is replaced by a character below that has its general category and that no
/// pattern names, so that every class decides as it would on the code point.
/// </summary>
internal sealed class ShadowAlphabet
{
    private readonly char[] _standIns = new char[(int)UnicodeCategory.OtherNotAssigned + 1];

    /// <param name="named">Characters that patterns name: none of them may stand for another.</param>
    /// <exception cref="FormatException">A category is named as a whole.</exception>
    internal ShadowAlphabet(IReadOnlyList<(char First, char Last)> named)
    {
        for (int c = 0xFFFF; c > 0x7F; c--)
        {
            UnicodeCategory category = CharUnicodeInfo.GetUnicodeCategory((char)c);
            if (_standIns[(int)category] == 0 && !named.Any(range => range.First <= c && c <= range.Last)) _standIns[(int)category] = (char)c;
        }
        // The two separators have one character each, below U+FFFF: nothing needs a stand-in of their category.
        _standIns[(int)UnicodeCategory.LineSeparator] = '\u2028';
        _standIns[(int)UnicodeCategory.ParagraphSeparator] = '\u2029';
        if (_standIns.Contains('\0')) throw new FormatException("patterns that name every character of a general category");
    }

    /// <summary>The shadow of a part of a text.</summary>
    /// <param name="text">The part, without lone surrogates.</param>
    /// <param name="offsets">For each unit of the shadow its offset in the part, and one entry for the end; null where they are the same.</param>
    internal string Of(ReadOnlySpan<char> text, out int[]? offsets)
    {
        offsets = null;
        if (!text.ContainsAnyInRange('\uD800', '\uDFFF')) return text.ToString();
        var shadow = new StringBuilder(text.Length);
        var starts = new List<int>(text.Length + 1);
        for (int at = 0; at < text.Length;)
        {
            Rune.DecodeFromUtf16(text[at..], out Rune rune, out int units);
            shadow.Append(rune.IsBmp ? (char)rune.Value : _standIns[(int)Rune.GetUnicodeCategory(rune)]);
            starts.Add(at);
            at += units;
        }
        starts.Add(text.Length);
        offsets = [.. starts];
        return shadow.ToString();
    }
}
