using KvPolicy.Inference.Loading;
using KvPolicy.Inference.Tokenization.Added;

namespace KvPolicy.Inference.Tokenization.Formats;

/// <summary>An added token as tokenizer.json and tokenizer_config.json write it.</summary>
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
}
