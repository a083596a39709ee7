using KvPolicy.Inference.Tokenization.Merging;

namespace KvPolicy.Inference.Tokenization.Bpe;

/// <summary>
/// The merges for very long pieces. The library removes merged symbols from an array one by one: 100,000 letters without a space took it
/// five seconds and 300,000 half a minute, where this takes a fraction of one. Same rule: lowest rank first, leftmost of equals.
/// </summary>
internal sealed class LongPieceMerger : IJoinRule
{
    private readonly Dictionary<(int Left, int Right), (int Rank, int Id)> _joins = [];
    private readonly int[] _byteIds = new int[256];

    internal LongPieceMerger(Dictionary<string, int> vocabulary, IEnumerable<string> merges)
    {
        for (int b = 0; b < 256; b++) _byteIds[b] = vocabulary.TryGetValue(ByteAlphabet.ToChar((byte)b).ToString(), out int id) ? id : -1;
        int rank = 0;
        foreach (string merge in merges)
        {
            int space = merge.IndexOf(' ');
            string left = merge[..space], right = merge[(space + 1)..];
            _joins[(vocabulary[left], vocabulary[right])] = (rank++, vocabulary[left + right]);
        }
    }

    internal void Encode(ReadOnlySpan<char> piece, int from, List<TextToken> tokens)
    {
        var merger = new SymbolMerger(this);
        // Symbols are bytes here; a token's start is the character that its first byte is of.
        var starts = new List<int>(piece.Length);
        Span<byte> utf8 = stackalloc byte[4];
        int at = from;
        foreach (System.Text.Rune rune in piece.EnumerateRunes())
        {
            int count = rune.EncodeToUtf8(utf8);
            foreach (byte value in utf8[..count])
            {
                if (_byteIds[value] < 0) continue; // dropped, as the library and the original do
                merger.Add(starts.Count, 1, _byteIds[value]);
                starts.Add(at);
            }
            at += rune.Utf16SequenceLength;
        }
        foreach (Symbol symbol in merger.Merge()) tokens.Add(new TextToken(symbol.Id, starts[symbol.Start]));
    }

    bool IJoinRule.TryJoin(in Symbol left, in Symbol right, out double order, out int id)
    {
        bool known = _joins.TryGetValue((left.Id, right.Id), out (int Rank, int Id) join);
        (order, id) = (join.Rank, join.Id);
        return known;
    }
}
