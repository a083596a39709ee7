using System.Text.RegularExpressions;
using KvPolicy.Inference.Loading;
using KvPolicy.Inference.Models;

namespace KvPolicy.Inference.Tokenization.Splitting;

/// <summary>Cuts text into the pieces inside which tokens are merged: each rule cuts every piece that the one before left.</summary>
internal sealed class Splitter
{
    // Patterns come from files: one that backtracks without end must not hang the program. None that is in use comes near.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly ShadowAlphabet _alphabet;
    private readonly SplitStep[] _steps;

    /// <param name="rules">In turn.</param>
    /// <param name="patience">Longest time for one match; null for the usual.</param>
    /// <exception cref="FormatException">A pattern that cannot be run exactly; the message names what is unknown.</exception>
    internal Splitter(IEnumerable<SplitRule> rules, TimeSpan? patience = null)
    {
        var named = new List<(char, char)>();
        var steps = new List<SplitStep>();
        foreach (SplitRule rule in rules)
        {
            TranslatedPattern translated = PatternTranslator.Translate(rule.Pattern);
            named.AddRange(translated.Named);
            try
            {
                steps.Add(new SplitStep(translated.Pattern, rule.KeepGaps, patience ?? Patience));
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
    /// <exception cref="ModelFormatException">A pattern goes astray on this text.</exception>
    internal List<(int Start, int End)> Split(string text, int start, int length)
    {
        string shadow = _alphabet.Of(text.AsSpan(start, length), out int[]? offsets);
        List<(int Start, int End)> pieces = [(0, shadow.Length)], next = [];
        foreach (SplitStep step in _steps)
        {
            Run(step, shadow, pieces, next);
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

    private static void Run(SplitStep step, string shadow, List<(int, int)> pieces, List<(int, int)> next)
    {
        try
        {
            foreach ((int, int) piece in pieces) step.Split(shadow, piece, next);
        }
        catch (RegexMatchTimeoutException e)
        {
            throw LoadError.Of("tokenizer", "split pattern", $"'{e.Pattern}' does not come to an end on this text", "use a model with another tokenizer", e);
        }
    }
}
