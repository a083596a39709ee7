using System.Text;

namespace KvPolicy.Inference.Tokenization.SentencePiece;

/// <summary>What pieces print.</summary>
internal static class SentencePieceTokens
{
    /// <summary>UTF-8 of a piece: the escaped space as a space, a byte piece as its byte.</summary>
    internal static byte[] Bytes(string piece)
        => SentencePieceVocabulary.ByteOf(piece) is >= 0 and int value
            ? [(byte)value]
            : Encoding.UTF8.GetBytes(piece.Replace(SentencePieceVocabulary.LowerBlock, ' '));
}
