using System.Globalization;
using System.Text;

namespace KvPolicy.Inference.Tokenization.Added;

/// <summary>Finds added tokens in text as Hugging Face does: leftmost, then longest; a match that its flags rule out is text as a whole.</summary>
internal sealed class AddedTokenMatcher
{
    // A trie in one dictionary: (node, next character) -> node. Node 0 is the root.
    private readonly Dictionary<(int Node, char Next), int> _edges = [];
    private readonly List<AddedToken?> _ends = [null];

    internal AddedTokenMatcher(IEnumerable<AddedToken> tokens)
    {
        foreach (AddedToken token in tokens) Insert(token);
    }

    internal bool IsEmpty => _edges.Count == 0;

    /// <summary>Cuts <c>text[start..end]</c> at the tokens in it.</summary>
    /// <param name="text">The whole text: flags may look at it, but not beyond the part.</param>
    /// <param name="start">First character of the part.</param>
    /// <param name="end">Past its last.</param>
    /// <param name="specialAllowed">Whether a special token may stand at (start, end).</param>
    /// <param name="pieces">Gets the pieces in turn; none is empty.</param>
    internal void Split(string text, int start, int end, Func<int, int, bool> specialAllowed, List<TextPiece> pieces)
    {
        int done = start;
        for (int at = start; at < end && !IsEmpty;)
        {
            AddedToken? token = LongestAt(text, at, end);
            if (token is null)
            {
                at++;
                continue;
            }
            int from = at, to = at + token.Content.Length;
            at = to;
            if (token.Special && !specialAllowed(from, to)) continue;
            if (token.SingleWord && !StandsAlone(text, start, from, to, end)) continue;
            if (token.LeftStrip) while (from > done && char.IsWhiteSpace(text[from - 1])) from--;
            if (token.RightStrip) while (to < end && char.IsWhiteSpace(text[to])) to++;
            if (from > done) pieces.Add(new TextPiece(done, from - done, -1));
            pieces.Add(new TextPiece(from, to - from, token.Id));
            done = at = to;
        }
        if (done < end) pieces.Add(new TextPiece(done, end - done, -1));
    }

    private AddedToken? LongestAt(string text, int at, int end)
    {
        AddedToken? longest = null;
        for (int node = 0; at < end && _edges.TryGetValue((node, text[at]), out node); at++) longest = _ends[node] ?? longest;
        return longest;
    }

    private void Insert(AddedToken token)
    {
        int node = 0;
        foreach (char c in token.Content)
        {
            if (!_edges.TryGetValue((node, c), out int next))
            {
                next = _ends.Count;
                _edges.Add((node, c), next);
                _ends.Add(null);
            }
            node = next;
        }
        _ends[node] = token;
    }

    private static bool StandsAlone(string text, int start, int from, int to, int end)
    {
        // The text has no lone surrogates; where there is none to decode, the replacement character that comes out is no word character.
        Rune.DecodeLastFromUtf16(text.AsSpan(start, from - start), out Rune before, out _);
        Rune.DecodeFromUtf16(text.AsSpan(to, end - to), out Rune after, out _);
        return !IsWord(before) && !IsWord(after);
    }

    // \w as the regex library behind tokenizer.json has it: letters, marks, decimal and letter numbers, connectors, joiners, circled letters.
    private static bool IsWord(Rune rune)
    {
        UnicodeCategory category = Rune.GetUnicodeCategory(rune);
        return category <= UnicodeCategory.LetterNumber || category == UnicodeCategory.ConnectorPunctuation
            || rune.Value is 0x200C or 0x200D or (>= 0x24B6 and <= 0x24E9);
    }
}
