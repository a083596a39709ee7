using System.Text.RegularExpressions;

namespace KvPolicy.Inference.Tokenization.Splitting;

/// <summary>One pattern: its matches are pieces of their own.</summary>
/// <param name="Pattern">As written in the file.</param>
/// <param name="KeepGaps">What lies between matches is a piece too; false drops it.</param>
internal sealed record SplitRule(string Pattern, bool KeepGaps = true)
{
    /// <summary>GPT-2's, which byte-level tokenizers run unless told otherwise.</summary>
    internal static readonly SplitRule Gpt2 = new(@"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+");

    /// <summary>Each digit and number sign alone.</summary>
    internal static readonly SplitRule SingleDigits = new(@"\p{N}");

    /// <summary>Each run of digits and number signs.</summary>
    internal static readonly SplitRule DigitRuns = new(@"\p{N}+");
}

/// <summary>A rule made ready to run.</summary>
internal sealed class SplitStep(string pattern, bool keepGaps, TimeSpan patience)
{
    private readonly Regex _regex = new(pattern, RegexOptions.CultureInvariant, patience);

    /// <summary>Cuts a part of a shadow and appends the pieces.</summary>
    /// <exception cref="RegexMatchTimeoutException">A match took longer than allowed.</exception>
    internal void Split(string shadow, (int Start, int End) part, List<(int Start, int End)> pieces)
    {
        int done = part.Start;
        // The part alone is searched, so that look-ahead ends where the piece does.
        foreach (ValueMatch match in _regex.EnumerateMatches(shadow.AsSpan(part.Start, part.End - part.Start)))
        {
            int from = part.Start + match.Index;
            if (keepGaps && from > done) pieces.Add((done, from));
            done = from + match.Length;
            if (match.Length > 0) pieces.Add((from, done));
        }
        if (keepGaps && done < part.End) pieces.Add((done, part.End));
    }
}
