using System.Text;
using KvPolicy.Inference.Tokenization.Merging;

namespace KvPolicy.Inference.Tokenization.SentencePiece;

/// <summary>
/// SentencePiece's BPE: characters are joined, best score first, as long as the join is a piece; what is no piece in the end becomes bytes.
/// Our own and not the library's, for three reasons: of equal scores SentencePiece takes the leftmost pair, Microsoft.ML.Tokenizers 2.0.1
/// the rightmost ("!!!!!!" and every run of signs comes out otherwise); it reads nothing but tokenizer.model, neither GGUF's nor llama2.c's
/// form of the same vocabulary; and it merges text into control pieces.
/// </summary>
internal sealed class SentencePieceBpe : IPieceEncoder
{
    private readonly Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> _ids;
    private readonly SentencePieceVocabulary _vocabulary;
    private readonly int[]? _byteIds;
    private readonly int _unknownId;
    private readonly int _longest;
    private readonly bool _hasUnused;

    /// <param name="vocabulary">Pieces that merging can reach are unique.</param>
    /// <exception cref="FormatException">A repeated piece, or nothing for characters that have no piece.</exception>
    internal SentencePieceBpe(SentencePieceVocabulary vocabulary)
    {
        var ids = new Dictionary<string, int>(vocabulary.Pieces.Length, StringComparer.Ordinal);
        var bytes = new int[256];
        Array.Fill(bytes, -1);
        _unknownId = -1;
        for (int id = 0; id < vocabulary.Pieces.Length; id++)
        {
            string piece = vocabulary.Pieces[id];
            switch (vocabulary.Types[id])
            {
                case PieceType.Normal or PieceType.UserDefined or PieceType.Unused:
                    if (!ids.TryAdd(piece, id)) throw new FormatException($"piece {id} repeats piece {ids[piece]}, '{piece}'");
                    _longest = Math.Max(_longest, piece.Length);
                    _hasUnused |= vocabulary.Types[id] == PieceType.Unused;
                    break;
                case PieceType.Byte when SentencePieceVocabulary.ByteOf(piece) is >= 0 and int value: bytes[value] = id; break;
                case PieceType.Byte: throw new FormatException($"piece {id}, '{piece}', is a byte that is not written <0xNN>");
                case PieceType.Unknown when _unknownId < 0: _unknownId = id; break;
            }
        }
        _byteIds = bytes.Contains(-1) ? null : bytes;
        if (_byteIds is null && _unknownId < 0) throw new FormatException("neither a piece for every byte nor an unknown piece");
        _ids = ids.GetAlternateLookup<ReadOnlySpan<char>>();
        _vocabulary = vocabulary;
    }

    public void Encode(string text, int start, int length, List<TextToken> tokens)
    {
        int prefix = _vocabulary.Prefix == SpacePrefix.EveryStretch || (_vocabulary.Prefix == SpacePrefix.TextStart && start == 0) ? 1 : 0;
        string escaped = (prefix == 0 ? "" : " ") + text.Substring(start, length);
        escaped = escaped.Replace(' ', _vocabulary.Space);
        int first = tokens.Count;
        new Merging(this, escaped).Run(tokens);
        for (int i = first; i < tokens.Count; i++)
        {
            // The prefix belongs to the first character.
            tokens[i] = tokens[i] with { Start = start + Math.Max(tokens[i].Start - prefix, 0) };
        }
    }

    private void EmitBytes(string text, int start, int length, List<TextToken> tokens)
    {
        if (_byteIds is null)
        {
            // One unknown token for a run of them.
            if (tokens.Count == 0 || tokens[^1].Id != _unknownId) tokens.Add(new TextToken(_unknownId, start));
            return;
        }
        Span<byte> utf8 = stackalloc byte[4];
        foreach (Rune rune in text.AsSpan(start, length).EnumerateRunes())
        {
            int count = rune.EncodeToUtf8(utf8);
            foreach (byte value in utf8[..count]) tokens.Add(new TextToken(_byteIds[value], start));
            start += rune.Utf16SequenceLength;
        }
    }

    /// <summary>One text on its way to pieces.</summary>
    private sealed class Merging(SentencePieceBpe model, string text) : IJoinRule
    {
        // Where a piece that may only be passed through was joined: length of its left part.
        private readonly Dictionary<(int Start, int Length), int>? _cuts = model._hasUnused ? [] : null;

        internal void Run(List<TextToken> tokens)
        {
            var merger = new SymbolMerger(this);
            for (int at = 0; at < text.Length;)
            {
                int units = char.IsHighSurrogate(text[at]) ? 2 : 1;
                merger.Add(at, units, -1);
                at += units;
            }
            foreach (Symbol symbol in merger.Merge()) Emit(symbol.Start, symbol.Length, tokens);
        }

        public bool TryJoin(in Symbol left, in Symbol right, out double order, out int id)
        {
            (order, id) = (0, -1);
            int length = left.Length + right.Length;
            if (length > model._longest || !model._ids.TryGetValue(text.AsSpan(left.Start, length), out id)) return false;
            order = -model._vocabulary.Scores[id];
            if (_cuts is not null && IsUnused(id)) _cuts[(left.Start, length)] = left.Length;
            return true;
        }

        private bool IsUnused(int id) => model._vocabulary.Types[id] == PieceType.Unused;

        private void Emit(int start, int length, List<TextToken> tokens)
        {
            if (!model._ids.TryGetValue(text.AsSpan(start, length), out int id)) model.EmitBytes(text, start, length, tokens);
            else if (_cuts is not null && IsUnused(id)) EmitParts(start, length, tokens);
            else tokens.Add(new TextToken(id, start));
        }

        // A piece that may only be passed through is taken apart again, down to pieces that may be given.
        private void EmitParts(int start, int length, List<TextToken> tokens)
        {
            var parts = new Stack<(int Start, int Length)>([(start, length)]);
            while (parts.TryPop(out (int Start, int Length) part))
            {
                bool known = model._ids.TryGetValue(text.AsSpan(part.Start, part.Length), out int id);
                if (known && IsUnused(id) && _cuts!.TryGetValue(part, out int cut))
                {
                    parts.Push((part.Start + cut, part.Length - cut));
                    parts.Push((part.Start, cut));
                }
                else if (known) tokens.Add(new TextToken(id, part.Start));
                else model.EmitBytes(text, part.Start, part.Length, tokens);
            }
        }
    }
}
