using KvPolicy.Inference.Loading;
using KvPolicy.Inference.Loading.Gguf;
using KvPolicy.Inference.Models;
using KvPolicy.Inference.Tokenization.Added;
using KvPolicy.Inference.Tokenization.Bpe;
using KvPolicy.Inference.Tokenization.Chat;
using KvPolicy.Inference.Tokenization.SentencePiece;
using KvPolicy.Inference.Tokenization.Splitting;

namespace KvPolicy.Inference.Tokenization.Formats;

/// <summary>The tokenizer in a GGUF file's metadata.</summary>
internal sealed class GgufTokenizer
{
    private const string Prefix = "tokenizer.ggml.";
    private const string Remedy = "convert the model again, or use one whose tokenizer is supported";

    // Control tokens that end a turn wherever they exist: files name one end id, models give others too.
    private static readonly string[] EndMarks =
    [
        "<|endoftext|>", "<|end_of_text|>", "<|im_end|>", "<|eot_id|>", "<|eom_id|>", "<|end|>", "<end_of_turn>", "<|END_OF_TURN_TOKEN|>", "<EOT>",
    ];

    private readonly GgufFile _file;
    private readonly string[] _tokens;
    private readonly PieceType[] _types;

    private GgufTokenizer(GgufFile file)
    {
        _file = file;
        _tokens = file.Metadata.GetStringArray(Prefix + "tokens") ?? throw Missing("tokens");
        if (_tokens.Length == 0) throw Damaged("tokens", "the vocabulary is empty");
        _types = ReadTypes();
    }

    /// <exception cref="ModelFormatException">The metadata is incomplete, contradicts itself, or is of a kind that cannot be reproduced
    /// exactly.</exception>
    internal static TokenizerParts Read(GgufFile file)
    {
        var reader = new GgufTokenizer(file);
        if (!file.Metadata.TryGetString(Prefix + "model", out string model)) throw reader.Missing("model");
        return model switch
        {
            "gpt2" => reader.ByteLevel(),
            "llama" => reader.SentencePiece(),
            _ => throw LoadError.Of(file.Path, Prefix + "model", $"'{model}' is not supported, only gpt2 and llama", Remedy),
        };
    }

    private TokenizerParts ByteLevel()
    {
        if (!_file.Metadata.TryGetString(Prefix + "pre", out string name)) throw Missing("pre");
        if (!GgufPreTokenizers.TryGet(name, out GgufPreTokenizer? pre))
        {
            string known = string.Join(", ", GgufPreTokenizers.Names);
            throw LoadError.Of(_file.Path, Prefix + "pre", $"pre-tokenizer '{name}' is not supported", $"supported are {known}");
        }
        if (pre.Composes && !NormalizedText.IsAvailable)
        {
            throw LoadError.Of(_file.Path, Prefix + "pre", $"'{name}' needs the Unicode library ICU",
                "install it, or run without globalization-invariant mode");
        }
        if (Flag("add_space_prefix", false))
        {
            throw LoadError.Of(_file.Path, Prefix + "add_space_prefix", "is true, which is not supported for byte-level BPE", Remedy);
        }
        var ids = new Dictionary<string, int>(_tokens.Length, StringComparer.Ordinal);
        for (int id = 0; id < _tokens.Length; id++)
        {
            if (!ids.TryAdd(_tokens[id], id)) throw Damaged("tokens", $"token {id} repeats token {ids[_tokens[id]]}");
        }
        string[] merges = _file.Metadata.GetStringArray(Prefix + "merges") ?? throw Missing("merges");
        Vocabulary vocabulary = MakeVocabulary(ByteAlphabet.ToBytes);
        return Complete(vocabulary, addsBos: pre.AddsBos) with
        {
            Encoder = MakeBpe(pre, ids, merges),
            Composes = pre.Composes,
        };
    }

    private ByteLevelBpe MakeBpe(GgufPreTokenizer pre, Dictionary<string, int> ids, string[] merges)
    {
        try
        {
            return new ByteLevelBpe(new Splitter(pre.Rules), ids, merges, pre.IgnoresMerges);
        }
        catch (Exception e) when (e is InvalidOperationException or ArgumentException)
        {
            throw LoadError.Damaged(_file.Path, Prefix + "merges", e.Message, e);
        }
    }

    private TokenizerParts SentencePiece()
    {
        float[] scores = _file.Metadata.GetFloatArray(Prefix + "scores") ?? throw Missing("scores");
        if (scores.Length != _tokens.Length) throw Damaged("scores", $"{scores.Length} scores for {_tokens.Length} tokens");
        if (scores.Any(float.IsNaN)) throw Damaged("scores", "a score is no number");
        if (Flag("remove_extra_whitespaces", false))
        {
            throw LoadError.Of(_file.Path, Prefix + "remove_extra_whitespaces", "is true, which is not supported", Remedy);
        }
        if (_file.Metadata.Contains(Prefix + "precompiled_charsmap"))
        {
            throw LoadError.Of(_file.Path, Prefix + "precompiled_charsmap", "is not supported", Remedy);
        }
        bool prefix = Flag("add_space_prefix", true);
        Vocabulary vocabulary = MakeVocabulary(SentencePieceTokens.Bytes);
        var pieces = new SentencePieceVocabulary(_tokens, scores, _types, SentencePieceVocabulary.LowerBlock,
            prefix ? SpacePrefix.EveryStretch : SpacePrefix.None);
        try
        {
            return Complete(vocabulary, addsBos: true, bos: 1, eos: 2) with { Encoder = new SentencePieceBpe(pieces), DropsLeadingSpace = prefix };
        }
        catch (FormatException e)
        {
            throw Damaged("tokens", e.Message, e);
        }
    }

    // The encoder is set by the caller.
    private TokenizerParts Complete(Vocabulary vocabulary, bool addsBos, int bos = -1, int eos = -1)
    {
        int bosId = Id("bos_token_id", vocabulary) ?? (bos >= 0 && vocabulary.Contains(bos) ? bos : -1);
        int eosId = Id("eos_token_id", vocabulary) ?? (eos >= 0 && vocabulary.Contains(eos) ? eos : -1);
        return new TokenizerParts
        {
            File = _file.Path,
            Vocabulary = vocabulary,
            AddedTokens = AddedTokens(),
            Encoder = null!,
            BosId = bosId,
            EndIds = EndIds(vocabulary, eosId),
            Before = Around("add_bos_token", addsBos, "bos_token_id", bosId),
            After = Around("add_eos_token", false, "eos_token_id", eosId),
            ChatTemplate = Template(bosId, eosId),
        };
    }

    private int[] Around(string flag, bool otherwise, string idKey, int id)
    {
        if (!Flag(flag, otherwise)) return [];
        return id >= 0 ? [id] : throw Damaged(flag, $"is true, but {Prefix}{idKey} is missing");
    }

    private List<int> EndIds(Vocabulary vocabulary, int eos)
    {
        var ids = new List<int>();
        if (eos >= 0) ids.Add(eos);
        foreach (string key in new[] { "eot_token_id", "eom_token_id" }) if (Id(key, vocabulary) is { } id) ids.Add(id);
        for (int id = 0; id < _tokens.Length; id++)
        {
            if (_types[id] == PieceType.Control && EndMarks.Contains(_tokens[id])) ids.Add(id);
        }
        return ids;
    }

    private List<AddedToken> AddedTokens()
    {
        // Phi-3's files lose which of its tokens take the white space after them; its name is all that is left to tell by.
        bool strips = _file.Metadata.TryGetString("general.name", out string name)
            && (name.Contains("phi-3", StringComparison.OrdinalIgnoreCase) || name.Contains("phi3", StringComparison.OrdinalIgnoreCase));
        var tokens = new List<AddedToken>();
        for (int id = 0; id < _tokens.Length; id++)
        {
            if (_tokens[id].Length == 0 || _types[id] is not (PieceType.Control or PieceType.Unknown or PieceType.UserDefined)) continue;
            bool right = strips && _tokens[id] is not ("<unk>" or "<s>" or "<|endoftext|>");
            tokens.Add(new AddedToken(id, _tokens[id], _types[id] != PieceType.UserDefined, RightStrip: right));
        }
        return tokens;
    }

    private Vocabulary MakeVocabulary(Func<string, byte[]> bytesOfText)
    {
        var tokens = new (byte[]?, TokenKind)[_tokens.Length];
        for (int id = 0; id < tokens.Length; id++)
        {
            tokens[id] = _types[id] switch
            {
                PieceType.Control or PieceType.Unknown => (System.Text.Encoding.UTF8.GetBytes(_tokens[id]), TokenKind.Special),
                PieceType.UserDefined => (System.Text.Encoding.UTF8.GetBytes(_tokens[id]), TokenKind.Added),
                _ => (bytesOfText(_tokens[id]), TokenKind.Text),
            };
        }
        return new Vocabulary(tokens);
    }

    private PieceType[] ReadTypes()
    {
        int[]? types = _file.Metadata.GetIntArray(Prefix + "token_type");
        if (types is null) return [.. Enumerable.Repeat(PieceType.Normal, _tokens.Length)];
        if (types.Length != _tokens.Length) throw Damaged("token_type", $"{types.Length} types for {_tokens.Length} tokens");
        // 0 is ggml's undefined, which its own tools treat as normal.
        int unknown = Array.Find(types, type => type is < 0 or > (int)PieceType.Byte);
        if (unknown != 0) throw Damaged("token_type", $"type {unknown} is unknown");
        return [.. types.Select(type => (PieceType)Math.Max(type, 1))];
    }

    private ChatTemplateSource Template(int bos, int eos)
    {
        var named = new Dictionary<string, string>();
        if (bos >= 0) named["bos_token"] = _tokens[bos];
        if (eos >= 0) named["eos_token"] = _tokens[eos];
        return new ChatTemplateSource(_file.Metadata.TryGetString("tokenizer.chat_template", out string template) ? template : null, named);
    }

    private bool Flag(string key, bool otherwise) => _file.Metadata.TryGetBool(Prefix + key, out bool value) ? value : otherwise;

    private int? Id(string key, Vocabulary vocabulary)
        => _file.Metadata.TryGetUInt(Prefix + key, out uint id) ? SpecialIds.Check(_file.Path, Prefix + key, id, vocabulary) : null;

    private ModelFormatException Missing(string key) => LoadError.Of(_file.Path, Prefix + key, "is missing", Remedy);

    private ModelFormatException Damaged(string key, string problem, Exception? inner = null)
        => LoadError.Damaged(_file.Path, Prefix + key, problem, inner);
}
