using System.Globalization;
using System.Text;

namespace KvPolicy.Cli.Output.Inspections;

/// <summary>Text of a token as it can be shown anywhere: nothing in it acts on a terminal, and nothing stays unseen.</summary>
internal static class VisibleText
{
    private const int NonJoiner = 0x200C, Joiner = 0x200D, Delete = 0x7F, Pictures = 0x2400;

    /// <summary>
    /// A line break as ⏎ and the break itself, a tab as ⇥, other control characters as their pictures, characters that steer layout (bidi,
    /// zero width) as their numbers. Joiners stay: emoji are made of them. A token that completes no character is a dot.
    /// </summary>
    internal static string Of(string text)
    {
        if (text.Length == 0) return "·";
        var shown = new StringBuilder(text.Length);
        foreach (Rune rune in text.EnumerateRunes())
        {
            if (rune.Value == '\n') shown.Append("⏎\n");
            else if (rune.Value == '\t') shown.Append('⇥');
            else if (rune.Value < ' ') shown.Append((char)(Pictures + rune.Value));
            else if (rune.Value == Delete) shown.Append('␡');
            else if (Steers(rune)) shown.Append(CultureInfo.InvariantCulture, $"‹U+{rune.Value:X4}›");
            else shown.Append(rune);
        }

        return shown.ToString();
    }

    private static bool Steers(Rune rune) => rune.Value is not (NonJoiner or Joiner) && Rune.GetUnicodeCategory(rune)
        is UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator;
}
