using System.Text;
using KvPolicy.Inference.Loading;
using KvPolicy.Inference.Loading.Gguf;
using KvPolicy.Inference.Models;
using KvPolicy.Inference.Tokenization.Added;
using KvPolicy.Inference.Tokenization.Formats;
using KvPolicy.Inference.Tokenization.SentencePiece;

namespace KvPolicy.Inference.Tokenization;

/// <summary>Makes a model's tokenizer from whichever files it comes with. What cannot be reproduced exactly is refused by name.</summary>
public static class TokenizerFactory
{
    private const string TokenizerJsonName = "tokenizer.json", TokenizerModelName = "tokenizer.model";
    private const string TokenizerConfigName = "tokenizer_config.json", TemplateName = "chat_template.jinja", AddedTokensName = "added_tokens.json";

    /// <summary>From the metadata of a GGUF file. Nothing of the file is needed afterwards.</summary>
    /// <exception cref="ModelFormatException">The tokenizer is unknown or contradicts itself.</exception>
    internal static ITextTokenizer FromGguf(GgufFile file) => new TextTokenizer(GgufTokenizer.Read(file));

    /// <summary>From a Hugging Face folder: tokenizer.json or tokenizer.model, and the settings beside it.</summary>
    /// <exception cref="ModelFormatException">Neither file is there, or one of the files is unknown or contradicts itself.</exception>
    public static ITextTokenizer FromFolder(string folder) => FromFolder(ModelFolder.OnDisk(folder));

    /// <summary>As the other, also from resources.</summary>
    internal static ITextTokenizer FromFolder(ModelFolder folder)
    {
        var settings = new HuggingFaceSettings(
            ReadJson(folder, TokenizerConfigName), ReadJson(folder, "generation_config.json"), ReadJson(folder, "config.json"));
        string? jinja = folder.Has(TemplateName) ? Encoding.UTF8.GetString(folder.ReadAllBytes(TemplateName)) : null;
        bool hasModel = folder.Has(TokenizerModelName);
        // A SentencePiece vocabulary re-written as tokenizer.json is read from the original where that is at hand.
        if (ReadJson(folder, TokenizerJsonName) is { } json && !(hasModel && TokenizerJson.FallsBackToBytes(json)))
        {
            return FromJson(json, settings, jinja);
        }
        if (hasModel) return FromModel(folder, settings, jinja);
        throw LoadError.Of(folder.Name, "tokenizer", $"neither {TokenizerJsonName} nor {TokenizerModelName} is in the folder",
            "copy one of them there");
    }

    /// <summary>From the JSON documents of a Hugging Face folder, in memory.</summary>
    /// <param name="name">What messages call the source.</param>
    /// <param name="tokenizerJson">tokenizer.json, UTF-8.</param>
    /// <param name="tokenizerConfigJson">tokenizer_config.json, UTF-8; empty for none.</param>
    /// <param name="generationConfigJson">generation_config.json, UTF-8; empty for none.</param>
    /// <param name="configJson">config.json, UTF-8; empty for none.</param>
    /// <exception cref="ModelFormatException">A document is unknown or contradicts itself.</exception>
    public static ITextTokenizer FromJson(
        string name,
        ReadOnlyMemory<byte> tokenizerJson,
        ReadOnlyMemory<byte> tokenizerConfigJson = default,
        ReadOnlyMemory<byte> generationConfigJson = default,
        ReadOnlyMemory<byte> configJson = default)
    {
        var settings = new HuggingFaceSettings(
            Document(TokenizerConfigName, tokenizerConfigJson),
            Document("generation_config.json", generationConfigJson),
            Document("config.json", configJson));
        return FromJson(JsonPiece.Parse($"{name}/{TokenizerJsonName}", tokenizerJson), settings, jinja: null);

        JsonPiece? Document(string file, ReadOnlyMemory<byte> utf8) => utf8.IsEmpty ? null : JsonPiece.Parse($"{name}/{file}", utf8);
    }

    /// <summary>From llama2.c's tokenizer.bin.</summary>
    /// <param name="tokenizerBin">Path.</param>
    /// <param name="vocabularySize">Tokens of the model; the file itself does not say.</param>
    /// <exception cref="ModelFormatException">The file does not hold exactly these tokens.</exception>
    public static ITextTokenizer FromLlama2c(string tokenizerBin, int vocabularySize)
        => new TextTokenizer(Llama2cTokenizer.Read(tokenizerBin, vocabularySize));

    private static JsonPiece? ReadJson(ModelFolder folder, string name)
        => folder.Has(name) ? JsonPiece.Parse(folder.Describe(name), folder.ReadAllBytes(name)) : null;

    private static TextTokenizer FromJson(JsonPiece root, HuggingFaceSettings settings, string? jinja)
    {
        TokenizerJson json = TokenizerJson.Read(root, settings.DeclaredTokens());
        int? bos = settings.Token("bos_token") is { } text ? json.IdOf(text) : settings.ModelId("bos_token_id");
        int? eos = settings.Token("eos_token") is { } end ? json.IdOf(end) : null;
        if (bos is { } id && !json.Vocabulary.Contains(id)) bos = null;
        return new TextTokenizer(new TokenizerParts
        {
            File = root.File,
            Vocabulary = json.Vocabulary,
            AddedTokens = json.AddedTokens,
            Encoder = json.Encoder,
            Composes = json.Composes,
            Before = Around(settings.ClassAdds("add_bos_token"), bos, json.Before),
            After = Around(settings.ClassAdds("add_eos_token"), eos, json.After),
            BosId = bos ?? -1,
            EndIds = settings.EndIds(json.Vocabulary, json.IdOf),
            ChatTemplate = settings.ChatTemplate(jinja),
        });
    }

    private static int[] Around(bool? adds, int? id, List<int> asWritten)
        => adds is null || (adds.Value && id is null) ? [.. asWritten] : adds.Value ? [id!.Value] : [];

    private static TextTokenizer FromModel(ModelFolder folder, HuggingFaceSettings settings, string? jinja)
    {
        string file = folder.Describe(TokenizerModelName);
        SentencePieceFile model = SentencePieceFile.Read(file, folder.ReadAllBytes(TokenizerModelName));
        SentencePieceVocabulary pieces = model.Vocabulary;
        if (pieces.Prefix != SpacePrefix.None && !settings.Flag("legacy", true)) pieces = pieces with { Prefix = SpacePrefix.TextStart };
        List<AddedToken> added = AddedTokens(pieces, DeclaredTokens(folder, settings));
        var builder = new VocabularyBuilder(file, "pieces", pieces.Pieces.Length + added.Count);
        for (int id = 0; id < pieces.Pieces.Length; id++) builder.Set(id, SentencePieceTokens.Bytes(pieces.Pieces[id]), TokenKind.Text);
        foreach (AddedToken token in added) builder.Set(token);
        Vocabulary vocabulary = builder.Build();
        int bos = vocabulary.Contains(model.BosId) ? model.BosId : -1, eos = vocabulary.Contains(model.EosId) ? model.EosId : -1;
        SentencePieceBpe encoder;
        try
        {
            encoder = new SentencePieceBpe(pieces);
        }
        catch (FormatException e)
        {
            throw LoadError.Damaged(file, "pieces", e.Message, e);
        }
        return new TextTokenizer(new TokenizerParts
        {
            File = file,
            Vocabulary = vocabulary,
            AddedTokens = added,
            Encoder = encoder,
            Before = settings.Flag("add_bos_token", true) && bos >= 0 ? [bos] : [],
            After = settings.Flag("add_eos_token", false) && eos >= 0 ? [eos] : [],
            BosId = bos,
            EndIds = [.. settings.EndIds(vocabulary, text => IdOf(text, added, pieces)), .. eos >= 0 ? new[] { eos } : []],
            DropsLeadingSpace = pieces.Prefix != SpacePrefix.None,
            ChatTemplate = settings.ChatTemplate(jinja),
        });
    }

    // What tokenizer_config.json declares, and the ids that other files of the folder give.
    private static List<AddedToken> DeclaredTokens(ModelFolder folder, HuggingFaceSettings settings)
    {
        List<AddedToken> tokens = settings.DeclaredTokens();
        foreach (AddedToken token in TokensBesideModel(folder))
        {
            int known = tokens.FindIndex(t => t.Content == token.Content);
            if (known < 0) tokens.Add(token);
            else if (tokens[known].Id < 0) tokens[known] = tokens[known] with { Id = token.Id };
        }
        return tokens;
    }

    private static IEnumerable<AddedToken> TokensBesideModel(ModelFolder folder)
    {
        JsonPiece? list = ReadJson(folder, TokenizerJsonName)?["added_tokens"], map = ReadJson(folder, AddedTokensName);
        if (list is { IsNull: false } tokens) foreach (JsonPiece item in tokens.Items()) yield return AddedTokenJson.Read(item, item["id"].Int());
        if (map is { } ids) foreach ((string content, JsonPiece id) in ids.Members()) yield return AddedTokenJson.Read(content, id);
    }

    private static int? IdOf(string text, List<AddedToken> added, SentencePieceVocabulary pieces)
        => added.Find(token => token.Content == text)?.Id ?? (Array.IndexOf(pieces.Pieces, text) is >= 0 and int id ? id : null);

    // Control and user-defined pieces are looked for in the text, and so is what the files beside declare.
    private static List<AddedToken> AddedTokens(SentencePieceVocabulary pieces, List<AddedToken> declared)
    {
        // Nothing is normalized before SentencePiece, so all of them are looked for in the text as it is.
        var tokens = new List<AddedToken>(declared.Where(token => token.Id >= 0).Select(token => token with { Normalized = false }));
        foreach (AddedToken token in declared.Where(token => token.Id < 0))
        {
            if (Array.IndexOf(pieces.Pieces, token.Content) is >= 0 and int id && !tokens.Exists(t => t.Id == id)) tokens.Add(token with { Id = id });
        }
        for (int id = 0; id < pieces.Pieces.Length; id++)
        {
            bool special = pieces.Types[id] is PieceType.Control or PieceType.Unknown;
            if ((special || pieces.Types[id] == PieceType.UserDefined) && !tokens.Exists(t => t.Id == id))
            {
                tokens.Add(new AddedToken(id, pieces.Pieces[id], special));
            }
        }
        return tokens;
    }
}
