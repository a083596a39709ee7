using System.Buffers.Binary;
using System.Text;
using KvPolicy.Inference.Loading;
using KvPolicy.Inference.Models;
using KvPolicy.Inference.Tokenization.SentencePiece;

namespace KvPolicy.Inference.Tokenization.Formats;

/// <summary>llama2.c's tokenizer.bin: the longest piece's length, then for each id a score, a length and the piece's UTF-8.</summary>
internal static class Llama2cTokenizer
{
    private const int UnknownId = 0, BosId = 1, EosId = 2;
    private const long MaxBytes = 256L << 20;

    /// <exception cref="ModelFormatException">The file is cut short or holds other pieces than announced.</exception>
    internal static TokenizerParts Read(string file, int vocabularySize)
    {
        using MappedBytes mapped = MappedBytes.Open(file);
        if (mapped.Length > MaxBytes) throw LoadError.Damaged(file, "size", $"{mapped.Length} bytes are too many for a tokenizer");
        ReadOnlySpan<byte> bytes = mapped.Span(0, (int)mapped.Length);
        // Each id takes at least eight bytes, so the count cannot make us allocate more than the file accounts for.
        if (vocabularySize <= EosId || vocabularySize > (bytes.Length - 4) / 8)
        {
            throw LoadError.Damaged(file, "vocabulary", $"{bytes.Length} bytes cannot hold the {vocabularySize} tokens of the model");
        }
        var pieces = new string[vocabularySize];
        var scores = new float[vocabularySize];
        var types = new PieceType[vocabularySize];
        int at = 4;
        for (int id = 0; id < vocabularySize; id++)
        {
            if (bytes.Length - at < 8) throw LoadError.Damaged(file, $"token {id}", "the file ends before it");
            scores[id] = BinaryPrimitives.ReadSingleLittleEndian(bytes[at..]);
            int length = BinaryPrimitives.ReadInt32LittleEndian(bytes[(at + 4)..]);
            at += 8;
            if (length < 0 || length > bytes.Length - at)
            {
                throw LoadError.Damaged(file, $"token {id}", $"a length of {length} with {bytes.Length - at} bytes left");
            }
            if (float.IsNaN(scores[id])) throw LoadError.Damaged(file, $"token {id}", "the score is no number");
            pieces[id] = Encoding.UTF8.GetString(bytes.Slice(at, length));
            types[id] = id switch
            {
                UnknownId => PieceType.Unknown,
                BosId or EosId => PieceType.Control,
                _ => SentencePieceVocabulary.ByteOf(pieces[id]) >= 0 ? PieceType.Byte : PieceType.Normal,
            };
            at += length;
        }
        if (at != bytes.Length)
        {
            throw LoadError.Damaged(file, "vocabulary", $"{bytes.Length - at} bytes follow the {vocabularySize} tokens of the model");
        }
        return Parts(file, new SentencePieceVocabulary(pieces, scores, types, ' ', SpacePrefix.EveryStretch));
    }

    private static TokenizerParts Parts(string file, SentencePieceVocabulary vocabulary)
    {
        var tokens = vocabulary.Pieces.Select((piece, id) => vocabulary.Types[id] switch
        {
            PieceType.Byte => ((byte[]?)[(byte)SentencePieceVocabulary.ByteOf(piece)], TokenKind.Text),
            PieceType.Normal => (Encoding.UTF8.GetBytes(piece), TokenKind.Text),
            _ => (Encoding.UTF8.GetBytes(piece), TokenKind.Special),
        }).ToList();
        try
        {
            return new TokenizerParts
            {
                File = file,
                Vocabulary = new Vocabulary(tokens),
                AddedTokens = [], // llama2.c looks for none in the text
                Encoder = new SentencePieceBpe(vocabulary),
                Before = [BosId],
                BosId = BosId,
                // BOS separates stories, so generation stops there as well.
                EndIds = [BosId, EosId],
                DropsLeadingSpace = true,
            };
        }
        catch (FormatException e)
        {
            throw LoadError.Damaged(file, "vocabulary", e.Message, e);
        }
    }
}
