using KvPolicy.Inference.Loading;
using KvPolicy.Inference.Models;
using KvPolicy.Inference.Tokenization.Added;
using KvPolicy.Inference.Tokenization.Bpe;
using KvPolicy.Inference.Tokenization.Splitting;

namespace KvPolicy.Inference.Tokenization.Formats;

/// <summary>Byte-level BPE as a tokenizer.json describes it. Every piece of the file is either honoured or refused with its JSON path.</summary>
internal sealed class TokenizerJson
{
    private readonly JsonPiece _root;
    private readonly Dictionary<string, int> _ids = new(StringComparer.Ordinal);

    private TokenizerJson(JsonPiece root) => _root = root;

    internal bool Composes { get; private set; }

    internal IReadOnlyList<AddedToken> AddedTokens { get; private set; } = [];

    internal Vocabulary Vocabulary { get; private set; } = null!;

    internal ByteLevelBpe Encoder { get; private set; } = null!;

    internal List<int> Before { get; } = [];

    internal List<int> After { get; } = [];

    /// <summary>True for the form of SentencePiece vocabularies, which a tokenizer.model beside the file says exactly.</summary>
    internal static bool FallsBackToBytes(JsonPiece root) => root["model"].IsObject && root["model"]["byte_fallback"].Bool(false);

    /// <param name="root">The document.</param>
    /// <param name="declared">Special tokens that tokenizer_config.json names beside.</param>
    /// <exception cref="ModelFormatException">Something in the file is unknown or contradicts itself.</exception>
    internal static TokenizerJson Read(JsonPiece root, IReadOnlyList<AddedToken> declared)
    {
        var json = new TokenizerJson(root);
        // Truncation and padding are for batches; generation calls the tokenizer with both switched off.
        root.AllowOnly("version", "truncation", "padding", "added_tokens", "normalizer", "pre_tokenizer", "post_processor", "decoder", "model");
        json.ReadNormalizer(root["normalizer"]);
        json.ReadDecoder(root["decoder"]);
        json.ReadModel(root["model"], declared);
        json.ReadPostProcessor(root["post_processor"]);
        return json;
    }

    internal int? IdOf(string token)
    {
        foreach (AddedToken added in AddedTokens) if (added.Content == token) return added.Id;
        return _ids.TryGetValue(token, out int id) ? id : null;
    }

    private static string TypeOf(JsonPiece piece) => piece["type"].String();

    private void ReadNormalizer(JsonPiece normalizer)
    {
        if (normalizer.IsNull) return;
        switch (TypeOf(normalizer))
        {
            case "NFC":
                if (!NormalizedText.IsAvailable) throw normalizer.Refuse("NFC needs the Unicode library ICU, which this program runs without");
                Composes = true;
                break;
            case "Sequence":
                normalizer.AllowOnly("type", "normalizers");
                foreach (JsonPiece step in normalizer["normalizers"].Items()) ReadNormalizer(step);
                break;
            case string other: throw normalizer["type"].Refuse($"normalizer '{other}' is not supported");
        }
    }

    private void ReadDecoder(JsonPiece decoder)
    {
        if (TypeOf(decoder) != "ByteLevel") throw decoder["type"].Refuse($"decoder '{TypeOf(decoder)}' is not supported, only ByteLevel");
    }

    private void ReadModel(JsonPiece model, IReadOnlyList<AddedToken> declared)
    {
        if (TypeOf(model) != "BPE") throw model["type"].Refuse($"model '{TypeOf(model)}' is not supported, only BPE");
        model.AllowOnly("type", "dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix", "fuse_unk", "byte_fallback",
            "ignore_merges", "vocab", "merges");
        if (!model["dropout"].IsNull) throw model["dropout"].Refuse("dropout is not supported");
        if (!string.IsNullOrEmpty(model["continuing_subword_prefix"].StringOrNull()))
        {
            throw model["continuing_subword_prefix"].Refuse("is not supported");
        }
        if (!string.IsNullOrEmpty(model["end_of_word_suffix"].StringOrNull())) throw model["end_of_word_suffix"].Refuse("is not supported");
        if (model["byte_fallback"].Bool(false))
        {
            throw model["byte_fallback"].Refuse("is not supported in tokenizer.json; put the model's tokenizer.model beside it");
        }
        ReadVocabulary(model["vocab"]);
        AddedTokens = ReadAddedTokens(_root["added_tokens"], declared);
        Vocabulary = MakeVocabulary(model["vocab"]);
        string? unknown = model["unk_token"].StringOrNull();
        if (unknown is not null && !_ids.ContainsKey(unknown)) throw model["unk_token"].Refuse($"'{unknown}' is not in the vocabulary");
        var splitter = new PreTokenizerJson(_root["pre_tokenizer"]).Read();
        try
        {
            Encoder = new ByteLevelBpe(splitter, _ids, ReadMerges(model["merges"]), model["ignore_merges"].Bool(false), unknown,
                model["fuse_unk"].Bool(false));
        }
        catch (Exception e) when (e is InvalidOperationException or ArgumentException)
        {
            throw LoadError.Damaged(model.File, "model.merges", e.Message, e);
        }
    }

    private void ReadVocabulary(JsonPiece vocab)
    {
        var seen = new HashSet<int>();
        foreach ((string token, JsonPiece id) in vocab.Members())
        {
            int number = id.Int();
            if (number < 0 || !seen.Add(number)) throw LoadError.Damaged(id.File, "model.vocab", $"id {number} is negative or stands twice");
            if (!_ids.TryAdd(token, number)) throw LoadError.Damaged(id.File, "model.vocab", $"token '{token}' stands twice");
        }
        if (_ids.Count == 0) throw LoadError.Damaged(vocab.File, "model.vocab", "the vocabulary is empty");
    }

    private List<AddedToken> ReadAddedTokens(JsonPiece list, IReadOnlyList<AddedToken> declared)
    {
        var tokens = new List<AddedToken>();
        foreach (JsonPiece item in list.IsNull ? [] : list.Items())
        {
            item.AllowOnly("id", "content", "single_word", "lstrip", "rstrip", "normalized", "special");
            AddedToken token = AddedTokenJson.Read(item, item["id"].Int());
            if (token.Id < 0) throw LoadError.Damaged(item.File, item.Path, $"id {token.Id} is negative");
            if (_ids.TryGetValue(token.Content, out int other) && other != token.Id)
            {
                throw LoadError.Damaged(item.File, item.Path, $"'{token.Content}' is token {token.Id} here and token {other} in model.vocab");
            }
            tokens.Add(token);
        }
        foreach (AddedToken token in declared)
        {
            if (tokens.Exists(t => t.Content == token.Content)) continue;
            // A name without an id means the token that the vocabulary has of it; without one the model has no row for it either.
            if (token.Id >= 0) tokens.Add(token);
            else if (_ids.TryGetValue(token.Content, out int id)) tokens.Add(token with { Id = id });
        }
        return tokens;
    }

    private Vocabulary MakeVocabulary(JsonPiece vocab)
    {
        var builder = new VocabularyBuilder(vocab.File, "model.vocab", _ids.Count + AddedTokens.Count);
        foreach ((string token, int id) in _ids) builder.Set(id, ByteAlphabet.ToBytes(token), TokenKind.Text);
        foreach (AddedToken token in AddedTokens) builder.Set(token);
        return builder.Build();
    }

    private static List<string> ReadMerges(JsonPiece merges)
    {
        var list = new List<string>();
        foreach (JsonPiece merge in merges.Items())
        {
            // Older files write "a b", newer ones ["a", "b"]; neither part can hold a space in the byte alphabet.
            if (merge.IsString)
            {
                list.Add(merge.String());
                continue;
            }
            string[] pair = [.. merge.Items().Select(part => part.String())];
            if (pair.Length != 2) throw merge.Wrong("a pair");
            if (pair[0].Contains(' ') || pair[1].Contains(' ')) throw merge.Refuse("a space inside a merge is not of the byte alphabet");
            list.Add($"{pair[0]} {pair[1]}");
        }
        return list;
    }

    private void ReadPostProcessor(JsonPiece processor)
    {
        if (processor.IsNull) return;
        switch (TypeOf(processor))
        {
            case "ByteLevel": break; // trims the offsets that it reports; ids stay
            case "Sequence":
                processor.AllowOnly("type", "processors");
                foreach (JsonPiece step in processor["processors"].Items()) ReadPostProcessor(step);
                break;
            case "TemplateProcessing":
                processor.AllowOnly("type", "single", "pair", "special_tokens");
                ReadTemplate(processor);
                break;
            case string other: throw processor["type"].Refuse($"post-processor '{other}' is not supported");
        }
    }

    private void ReadTemplate(JsonPiece processor)
    {
        List<int> before = [], after = [];
        bool seen = false;
        foreach (JsonPiece item in processor["single"].Items())
        {
            item.AllowOnly("Sequence", "SpecialToken");
            if (!item["Sequence"].IsNull)
            {
                if (seen || item["Sequence"]["id"].String() != "A") throw item.Refuse("a second text in the template of a single one");
                seen = true;
                continue;
            }
            string name = item["SpecialToken"]["id"].String();
            JsonPiece ids = processor["special_tokens"][name]["ids"];
            foreach (JsonPiece id in ids.Items()) (seen ? after : before).Add(SpecialIds.Check(id.File, id.Path, id.Int(), Vocabulary));
        }
        if (!seen) throw processor["single"].Refuse("the template leaves the text out");
        Before.InsertRange(0, before);
        After.AddRange(after);
    }
}
