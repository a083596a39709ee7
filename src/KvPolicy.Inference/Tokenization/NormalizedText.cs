using System.Globalization;
using System.Text;

namespace KvPolicy.Inference.Tokenization;

/// <summary>Text in Unicode's normalization form C, with the way back to the original's offsets.</summary>
/// <param name="Text">Normalized.</param>
/// <param name="Origins">For each UTF-16 unit the offset in the original of the character it came from; null where nothing changed.</param>
internal readonly record struct NormalizedText(string Text, int[]? Origins)
{
    internal int OriginOf(int offset) => Origins is null ? offset : Origins[offset];

    /// <summary>True where the platform can compose characters; without its Unicode library .NET returns text as it is.</summary>
    internal static bool IsAvailable { get; } = "e\u0301".Normalize(NormalizationForm.FormC) == "\u00E9";

    /// <param name="text">Without lone surrogates.</param>
    internal static NormalizedText Compose(string text)
    {
        if (text.IsNormalized(NormalizationForm.FormC)) return new NormalizedText(text, null);
        var composed = new StringBuilder(text.Length);
        var origins = new List<int>(text.Length);
        for (int start = 0; start < text.Length;)
        {
            int end = EndOfSegment(text, start);
            string segment = text[start..end].Normalize(NormalizationForm.FormC);
            composed.Append(segment);
            bool same = segment.Length == end - start && string.CompareOrdinal(text, start, segment, 0, segment.Length) == 0;
            for (int i = 0; i < segment.Length; i++) origins.Add(same ? start + i : start);
            start = end;
        }
        return new NormalizedText(composed.ToString(), [.. origins]);
    }

    // A segment can be normalized alone: nothing after its end composes with it or moves before it.
    private static int EndOfSegment(string text, int start)
    {
        int end = start + Units(text, start);
        for (; end < text.Length; end += Units(text, end))
        {
            char next = text[end];
            if (char.IsAscii(next)) return end;
            UnicodeCategory category = CharUnicodeInfo.GetUnicodeCategory(text, end);
            if (category is UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark or UnicodeCategory.EnclosingMark) continue;
            // Hangul vowels and the few other letters that compose backwards are told by trying.
            string before = text[start..end], with = text[start..(end + Units(text, end))], alone = with[before.Length..];
            if (with.Normalize() == before.Normalize() + alone.Normalize()) return end;
        }
        return end;
    }

    private static int Units(string text, int at) => char.IsHighSurrogate(text[at]) && at + 1 < text.Length ? 2 : 1;
}
