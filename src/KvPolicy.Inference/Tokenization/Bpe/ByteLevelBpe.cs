using KvPolicy.Inference.Tokenization.Splitting;
using Microsoft.ML.Tokenizers;

namespace KvPolicy.Inference.Tokenization.Bpe;

/// <summary>Byte-level BPE: text is cut into pieces, and inside each the bytes are merged by Microsoft.ML.Tokenizers.</summary>
internal sealed class ByteLevelBpe : IPieceEncoder
{
    /// <summary>Pieces longer than this do not go through the library, whose time grows with the square of the length.</summary>
    internal const int LongPiece = 1024;

    private readonly Splitter _splitter;
    private readonly BpeTokenizer _merger;
    private readonly Dictionary<string, int>? _wholePieces;
    private readonly Lazy<LongPieceMerger>? _longPieces;

    /// <param name="splitter">Cuts text into pieces.</param>
    /// <param name="vocabulary">Tokens in the byte alphabet; strings and ids are unique.</param>
    /// <param name="merges">"left right", best first; both and their join are in the vocabulary.</param>
    /// <param name="ignoreMerges">A piece that is itself a token is that token, whatever the merges would give; the library has no
    /// such option.</param>
    /// <param name="unknown">Token for bytes that the vocabulary lacks; null drops them.</param>
    /// <param name="fuseUnknown">One unknown token for a run of them.</param>
    /// <exception cref="InvalidOperationException">A merge contradicts the vocabulary.</exception>
    internal ByteLevelBpe(Splitter splitter, Dictionary<string, int> vocabulary, IReadOnlyList<string> merges, bool ignoreMerges,
        string? unknown = null, bool fuseUnknown = false)
    {
        _splitter = splitter;
        merges = WithoutRepeats(merges);
        // What becomes of bytes without a token is left to the library where it is more than dropping them.
        if (unknown is null) _longPieces = new Lazy<LongPieceMerger>(() => new LongPieceMerger(vocabulary, merges));
        _merger = BpeTokenizer.Create(new BpeOptions(vocabulary)
        {
            Merges = merges,
            ByteLevel = true,
            UnknownToken = unknown,
            FuseUnknownTokens = fuseUnknown,
        });
        _wholePieces = ignoreMerges ? vocabulary : null;
    }

    public void Encode(string text, int start, int length, List<TextToken> tokens)
    {
        foreach ((int from, int to) in _splitter.Split(text, start, length)) EncodePiece(text, from, to, tokens);
    }

    private void EncodePiece(string text, int from, int to, List<TextToken> tokens)
    {
        ReadOnlySpan<char> piece = text.AsSpan(from, to - from);
        if (_wholePieces is not null && _wholePieces.TryGetValue(ByteAlphabet.FromText(piece), out int whole))
        {
            tokens.Add(new TextToken(whole, from));
            return;
        }
        if (piece.Length > LongPiece && _longPieces is not null)
        {
            _longPieces.Value.Encode(piece, from, tokens);
            return;
        }
        foreach (EncodedToken token in _merger.EncodeToTokens(piece, out _, considerPreTokenization: false, considerNormalization: false))
        {
            tokens.Add(new TextToken(token.Id, from + token.Offset.Start.Value));
        }
    }

    // Of a merge that stands twice the later one counts, as in Hugging Face's reader; the library refuses repeats.
    private static IReadOnlyList<string> WithoutRepeats(IReadOnlyList<string> merges)
    {
        var last = new Dictionary<string, int>(merges.Count, StringComparer.Ordinal);
        for (int i = 0; i < merges.Count; i++) last[merges[i]] = i;
        return last.Count == merges.Count ? merges : [.. merges.Where((merge, i) => last[merge] == i)];
    }
}
