namespace KvPolicy.Inference.Tokenization.SentencePiece;

/// <summary>Kinds of piece, numbered as in tokenizer.model and in GGUF's token types.</summary>
internal enum PieceType : byte
{
    /// <summary>A piece that merging may give.</summary>
    Normal = 1,

    /// <summary>Stands for what has no piece.</summary>
    Unknown = 2,

    /// <summary>BOS and the like: never found in plain text.</summary>
    Control = 3,

    /// <summary>Cut out of the text before merging.</summary>
    UserDefined = 4,

    /// <summary>May be passed through while merging, but not given.</summary>
    Unused = 5,

    /// <summary>One byte, written &lt;0xNN&gt;.</summary>
    Byte = 6,
}

/// <summary>Where SentencePiece's extra space goes.</summary>
internal enum SpacePrefix
{
    /// <summary>Nowhere.</summary>
    None,

    /// <summary>Before the text and after every token that was cut out of it (llama.cpp; Hugging Face's tokenizers by default).</summary>
    EveryStretch,

    /// <summary>Before the text alone (tokenizer_config.json with legacy: false).</summary>
    TextStart,
}

/// <summary>A SentencePiece vocabulary of the BPE kind, from whichever file.</summary>
/// <param name="Pieces">By id.</param>
/// <param name="Scores">By id; the pair whose join has the highest is merged first.</param>
/// <param name="Types">By id.</param>
/// <param name="Space">How a piece writes a space: U+2581, or the space itself (llama2.c).</param>
/// <param name="Prefix">Where a space is put that the text has not.</param>
internal sealed record SentencePieceVocabulary(string[] Pieces, float[] Scores, PieceType[] Types, char Space, SpacePrefix Prefix)
{
    internal const char LowerBlock = '\u2581';

    /// <summary>The byte that a piece of the form &lt;0xNN&gt; stands for, or -1.</summary>
    internal static int ByteOf(string piece)
        => piece.Length == 6 && piece.StartsWith("<0x", StringComparison.Ordinal) && piece[5] == '>' && char.IsAsciiHexDigit(piece[3])
            && char.IsAsciiHexDigit(piece[4])
            ? Convert.ToInt32(piece[3..5], 16)
            : -1;
}
