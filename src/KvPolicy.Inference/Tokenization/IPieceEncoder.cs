namespace KvPolicy.Inference.Tokenization;

/// <summary>The model proper: ids of text between added tokens, already normalized.</summary>
internal interface IPieceEncoder
{
    /// <summary>Appends the ids of a part of <paramref name="text"/>; each token's start is the offset in <paramref name="text"/> of its first
    /// character.</summary>
    void Encode(string text, int start, int length, List<TextToken> tokens);
}
