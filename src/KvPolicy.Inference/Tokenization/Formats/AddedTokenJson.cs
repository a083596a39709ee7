using KvPolicy.Inference.Loading;
using KvPolicy.Inference.Tokenization.Added;

namespace KvPolicy.Inference.Tokenization.Formats;

/// <summary>An added token as tokenizer.json, tokenizer_config.json and (older) added_tokens.json write it.</summary>
internal static class AddedTokenJson
{
    internal static AddedToken Read(JsonPiece item, int id)
    {
        string content = item["content"].String();
        if (content.Length == 0) throw LoadError.Damaged(item.File, item.Path, "the token is empty");
        return new AddedToken(
            id,
            content,
            Special: item["special"].Bool(false),
            SingleWord: item["single_word"].Bool(false),
            LeftStrip: item["lstrip"].Bool(false),
            RightStrip: item["rstrip"].Bool(false),
            Normalized: item["normalized"].Bool(false));
    }

    /// <summary>A member of added_tokens.json, which says nothing but text and id.</summary>
    internal static AddedToken Read(string content, JsonPiece id)
        => content.Length > 0 && id.Int() >= 0 ? new AddedToken(id.Int(), content, Special: false) : throw id.Wrong("a token and its id");
}
