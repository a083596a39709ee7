using System.Globalization;
using System.Text;
using KvPolicy.Inference.Models;

namespace KvPolicy.Inference.Loading;

/// <summary>Makes the one-line message of a <see cref="ModelFormatException"/>: file, field, what is wrong, remedy.</summary>
internal static class LoadError
{
    /// <summary>What to do about a file whose bytes contradict each other.</summary>
    internal const string FetchAgain = "the file is damaged or cut short: fetch or convert it again";

    internal static ModelFormatException Of(string file, string field, string problem, string remedy, Exception? inner = null)
    {
        if (field.Length == 0) field = "(empty name)";
        string where = $"{Printable(file, 400)}: {Printable(field, 120)}";
        return new ModelFormatException($"{where}: {Printable(problem, 300)}; {Printable(remedy, 300)}", inner);
    }

    internal static ModelFormatException Damaged(string file, string field, string problem, Exception? inner = null)
        => Of(file, field, problem, FetchAgain, inner);

    /// <summary>Words of a file may hold anything; a message stays one printable line of bounded length.</summary>
    internal static string Printable(string text, int limit = 80)
    {
        var line = new StringBuilder(Math.Min(text.Length, limit));
        foreach (Rune rune in text.EnumerateRunes())
        {
            if (line.Length >= limit) return line.Append("...").ToString();
            line.Append(IsInvisible(rune) ? "?" : rune.ToString());
        }
        return line.ToString();
    }

    private static bool IsInvisible(Rune rune) => Rune.GetUnicodeCategory(rune)
        is UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator;
}
