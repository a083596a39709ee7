namespace KvPolicy.Inference.Tokenization.Decoding;

/// <summary>Text of generated ids, one after the other, as whole characters. Not thread-safe.</summary>
public sealed class TokenStream
{
    private readonly ITextTokenizer _tokenizer;
    private readonly bool _skipSpecial;
    private readonly Utf8Stream _utf8 = new();
    private bool _dropsSpace;

    /// <param name="tokenizer">Of the model.</param>
    /// <param name="skipSpecial">Print nothing for special tokens.</param>
    /// <param name="atTextStart">The first id begins a text: the space that SentencePiece put before it is dropped. False where ids continue a
    /// prompt.</param>
    public TokenStream(ITextTokenizer tokenizer, bool skipSpecial, bool atTextStart)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        (_tokenizer, _skipSpecial, _dropsSpace) = (tokenizer, skipSpecial, atTextStart && tokenizer.DropsLeadingSpace);
    }

    /// <summary>What the id completes; may be empty.</summary>
    public string Feed(int id)
    {
        ReadOnlySpan<byte> bytes = _tokenizer.Bytes(id);
        bool special = _tokenizer.IsSpecial(id);
        if (special && _skipSpecial) return "";
        if (_dropsSpace && !special && !bytes.IsEmpty)
        {
            if (bytes[0] == (byte)' ') bytes = bytes[1..];
            _dropsSpace = false;
        }
        return _utf8.Feed(bytes);
    }

    /// <summary>U+FFFD where a character stayed incomplete, else empty.</summary>
    public string Finish() => _utf8.Finish();
}
