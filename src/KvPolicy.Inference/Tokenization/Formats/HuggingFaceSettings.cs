using System.Globalization;
using KvPolicy.Inference.Models;
using KvPolicy.Inference.Tokenization.Added;
using KvPolicy.Inference.Tokenization.Chat;

namespace KvPolicy.Inference.Tokenization.Formats;

/// <summary>What the JSON documents beside a Hugging Face tokenizer say: named tokens, end-of-turn ids, the chat template. All of them may be
/// absent.</summary>
internal sealed class HuggingFaceSettings
{
    private static readonly string[] Names = ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"];

    private readonly JsonPiece? _tokenizer, _generation, _model;

    /// <param name="tokenizerConfig">tokenizer_config.json.</param>
    /// <param name="generationConfig">generation_config.json.</param>
    /// <param name="modelConfig">config.json.</param>
    internal HuggingFaceSettings(JsonPiece? tokenizerConfig, JsonPiece? generationConfig, JsonPiece? modelConfig)
        => (_tokenizer, _generation, _model) = (tokenizerConfig, generationConfig, modelConfig);

    /// <summary>Text of a named token such as "bos_token", or null.</summary>
    internal string? Token(string name)
    {
        if (_tokenizer is not { } config || config[name].IsNull) return null;
        return config[name].IsObject ? config[name]["content"].String() : config[name].String();
    }

    /// <summary>All named tokens that are given, for templates.</summary>
    internal Dictionary<string, string> NamedTokens()
        => Names.Select(name => (name, Token(name))).Where(pair => pair.Item2 is not null).ToDictionary(pair => pair.name, pair => pair.Item2!);

    /// <summary>Tokens that tokenizer_config.json declares; id -1 where it gives only the text.</summary>
    internal List<AddedToken> DeclaredTokens()
    {
        var tokens = new List<AddedToken>();
        if (_tokenizer is not { } config) return tokens;
        if (!config["added_tokens_decoder"].IsNull)
        {
            foreach ((string key, JsonPiece value) in config["added_tokens_decoder"].Members())
            {
                if (!int.TryParse(key, NumberStyles.None, CultureInfo.InvariantCulture, out int id)) throw value.Wrong("named by an id");
                tokens.Add(AddedTokenJson.Read(value, id));
            }
        }
        IEnumerable<string> named = NamedTokens().Values;
        if (config["additional_special_tokens"].IsArray)
        {
            named = named.Concat(config["additional_special_tokens"].Items()
                .Select(item => item.IsObject ? item["content"].String() : item.String()));
        }
        foreach (string text in named.Where(text => text.Length > 0))
        {
            if (!tokens.Exists(token => token.Content == text)) tokens.Add(new AddedToken(-1, text, true));
        }
        return tokens;
    }

    /// <summary>The tokenizer class adds BOS or EOS itself, whatever tokenizer.json's post-processor says; null where it does not say.</summary>
    internal bool? ClassAdds(string setting)
    {
        if (_tokenizer is not { } config || config[setting].IsNull) return null;
        string? type = config["tokenizer_class"].StringOrNull();
        return type is "LlamaTokenizer" or "LlamaTokenizerFast" ? config[setting].Bool(false) : null;
    }

    /// <summary>A flag of tokenizer_config.json, for models that have no tokenizer.json.</summary>
    internal bool Flag(string setting, bool otherwise) => _tokenizer is { } config ? config[setting].Bool(otherwise) : otherwise;

    /// <summary>A token of config.json such as "bos_token_id", or null.</summary>
    internal int? ModelId(string name) => _model is { } config && !config[name].IsNull && !config[name].IsArray ? config[name].Int() : null;

    /// <summary>Every end-of-turn id that the three documents name.</summary>
    /// <param name="vocabulary">Ids must be in it.</param>
    /// <param name="idOf">Id of a token's text.</param>
    /// <exception cref="ModelFormatException">An id is outside the vocabulary.</exception>
    internal IEnumerable<int> EndIds(Vocabulary vocabulary, Func<string, int?> idOf)
    {
        var ids = new List<int>();
        foreach (JsonPiece? document in new[] { _generation, _model })
        {
            if (document is not { } config || config["eos_token_id"].IsNull) continue;
            JsonPiece eos = config["eos_token_id"];
            // -1 is an old way to say that there is none.
            foreach (JsonPiece id in eos.IsArray ? eos.Items() : [eos]) if (id.Int() != -1) ids.Add(SpecialIds.Check(id.File, id.Path, id.Int(), vocabulary));
        }
        if (Token("eos_token") is { } text && idOf(text) is { } end) ids.Add(end);
        return ids;
    }

    /// <summary>The template, from chat_template.jinja where there is one.</summary>
    internal ChatTemplateSource ChatTemplate(string? jinjaFile)
    {
        string? text = jinjaFile;
        if (text is null && _tokenizer is { } config && !config["chat_template"].IsNull)
        {
            JsonPiece template = config["chat_template"];
            // Several templates are listed by name; the one for plain talk is called default.
            text = template.IsArray
                ? template.Items().Where(item => item["name"].String() == "default").Select(item => item["template"].String()).FirstOrDefault()
                : template.String();
        }
        return new ChatTemplateSource(text, NamedTokens());
    }
}
