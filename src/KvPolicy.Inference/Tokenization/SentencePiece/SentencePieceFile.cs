using Google.Protobuf;
using KvPolicy.Inference.Loading;
using KvPolicy.Inference.Models;

namespace KvPolicy.Inference.Tokenization.SentencePiece;

/// <summary>What a tokenizer.model says: a protocol buffer, of which the fields that matter are read and the rest is refused where it would
/// matter.</summary>
internal sealed class SentencePieceFile
{
    private const int ModelTypeBpe = 2;
    private const string Remedy = "only SentencePiece models of the Llama kind are supported";

    private readonly string _file;
    private readonly List<string> _pieces = [];
    private readonly List<float> _scores = [];
    private readonly List<PieceType> _types = [];
    private int _modelType = 1;
    private bool _spaceAsSuffix, _removesSpaces = true, _escapesSpaces = true, _addsPrefix = true, _byteFallback;
    private int _charsMapBytes;

    private SentencePieceFile(string file) => _file = file;

    internal int BosId { get; private set; } = 1;

    internal int EosId { get; private set; } = 2;

    internal SentencePieceVocabulary Vocabulary { get; private set; } = null!;

    /// <exception cref="ModelFormatException">The file is no such model, or one of another kind.</exception>
    internal static SentencePieceFile Read(string file, byte[] bytes)
    {
        var model = new SentencePieceFile(file);
        try
        {
            var input = new CodedInputStream(bytes);
            for (uint tag = input.ReadTag(); tag != 0; tag = input.ReadTag()) model.Section(tag, input);
        }
        catch (InvalidProtocolBufferException e)
        {
            throw LoadError.Damaged(file, "protocol buffer", e.Message, e);
        }
        model.Finish();
        return model;
    }

    private void Section(uint tag, CodedInputStream input)
    {
        if (WireFormat.GetTagWireType(tag) != WireFormat.WireType.LengthDelimited)
        {
            input.SkipLastField();
            return;
        }
        switch (WireFormat.GetTagFieldNumber(tag))
        {
            case 1: Piece(input.ReadBytes().CreateCodedInput()); break;
            case 2: Trainer(input.ReadBytes().CreateCodedInput()); break;
            case 3: Normalizer(input.ReadBytes().CreateCodedInput()); break;
            default: input.SkipLastField(); break;
        }
    }

    private void Piece(CodedInputStream input)
    {
        string text = "";
        float score = 0;
        int type = (int)PieceType.Normal;
        for (uint tag = input.ReadTag(); tag != 0; tag = input.ReadTag())
        {
            switch (tag)
            {
                case (1 << 3) | 2: text = input.ReadString(); break;
                case (2 << 3) | 5: score = input.ReadFloat(); break;
                case (3 << 3) | 0: type = input.ReadInt32(); break;
                default: input.SkipLastField(); break;
            }
        }
        string field = $"pieces[{_pieces.Count}]";
        if (text.Length == 0) throw LoadError.Damaged(_file, field, "the piece is empty");
        if (float.IsNaN(score)) throw LoadError.Damaged(_file, field, "the score is no number");
        if (type is < (int)PieceType.Normal or > (int)PieceType.Byte) throw LoadError.Damaged(_file, field, $"type {type} is unknown");
        _pieces.Add(text);
        _scores.Add(score);
        _types.Add((PieceType)type);
    }

    private void Trainer(CodedInputStream input)
    {
        for (uint tag = input.ReadTag(); tag != 0; tag = input.ReadTag())
        {
            switch (tag)
            {
                case (3 << 3) | 0: _modelType = input.ReadInt32(); break;
                case (24 << 3) | 0: _spaceAsSuffix = input.ReadBool(); break;
                case (35 << 3) | 0: _byteFallback = input.ReadBool(); break;
                case (41 << 3) | 0: BosId = input.ReadInt32(); break;
                case (42 << 3) | 0: EosId = input.ReadInt32(); break;
                default: input.SkipLastField(); break;
            }
        }
    }

    private void Normalizer(CodedInputStream input)
    {
        for (uint tag = input.ReadTag(); tag != 0; tag = input.ReadTag())
        {
            switch (tag)
            {
                case (2 << 3) | 2: _charsMapBytes = input.ReadBytes().Length; break;
                case (3 << 3) | 0: _addsPrefix = input.ReadBool(); break;
                case (4 << 3) | 0: _removesSpaces = input.ReadBool(); break;
                case (5 << 3) | 0: _escapesSpaces = input.ReadBool(); break;
                default: input.SkipLastField(); break;
            }
        }
    }

    private void Finish()
    {
        if (_pieces.Count == 0) throw LoadError.Damaged(_file, "pieces", "the vocabulary is empty");
        Refuse(_modelType != ModelTypeBpe, "trainer_spec.model_type", $"type {_modelType} is not BPE (2)");
        Refuse(_spaceAsSuffix, "trainer_spec.treat_whitespace_as_suffix", "is true");
        Refuse(_charsMapBytes > 0, "normalizer_spec.precompiled_charsmap", "maps characters to others");
        Refuse(_removesSpaces, "normalizer_spec.remove_extra_whitespaces", "is true");
        Refuse(!_escapesSpaces, "normalizer_spec.escape_whitespaces", "is false");
        if (!_byteFallback)
        {
            // Pieces that look like bytes are then ordinary ones.
            for (int i = 0; i < _types.Count; i++) if (_types[i] == PieceType.Byte) _types[i] = PieceType.Control;
        }
        Vocabulary = new SentencePieceVocabulary([.. _pieces], [.. _scores], [.. _types], SentencePieceVocabulary.LowerBlock,
            _addsPrefix ? SpacePrefix.EveryStretch : SpacePrefix.None);
    }

    private void Refuse(bool condition, string field, string problem)
    {
        if (condition) throw LoadError.Of(_file, field, problem, Remedy);
    }
}
