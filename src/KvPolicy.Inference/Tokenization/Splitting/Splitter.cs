using System.Text.RegularExpressions;

namespace KvPolicy.Inference.Tokenization.Splitting;

/// <summary>Cuts text into the pieces inside which tokens are merged: each rule cuts every piece that the one before left.</summary>
internal sealed class Splitter
{
    private readonly ShadowAlphabet _alphabet;
    private readonly SplitStep[] _steps;

    /// <exception cref="FormatException">A pattern that cannot be run exactly; the message names what is unknown.</exception>
    internal Splitter(IEnumerable<SplitRule> rules)
    {
        var named = new List<(char, char)>();
        var steps = new List<SplitStep>();
        foreach (SplitRule rule in rules)
        {
            TranslatedPattern translated = PatternTranslator.Translate(rule.Pattern);
            named.AddRange(translated.Named);
            try
            {
                steps.Add(new SplitStep(translated.Pattern, rule.KeepGaps));
            }
            catch (RegexParseException e)
            {
                throw new FormatException(e.Message, e);
            }
        }
        _alphabet = new ShadowAlphabet(named);
        _steps = [.. steps];
    }

    /// <summary>The pieces of a part of a text, as UTF-16 offsets in the text.</summary>
    internal List<(int Start, int End)> Split(string text, int start, int length)
    {
        string shadow = _alphabet.Of(text.AsSpan(start, length), out int[]? offsets);
        List<(int Start, int End)> pieces = [(0, shadow.Length)], next = [];
        foreach (SplitStep step in _steps)
        {
            foreach ((int, int) piece in pieces) step.Split(shadow, piece, next);
            (pieces, next) = (next, pieces);
            next.Clear();
        }
        for (int i = 0; i < pieces.Count; i++)
        {
            (int from, int to) = pieces[i];
            pieces[i] = offsets is null ? (start + from, start + to) : (start + offsets[from], start + offsets[to]);
        }
        return pieces;
    }
}
