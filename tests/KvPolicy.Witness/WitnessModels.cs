using System.Text.Json.Nodes;
using KvPolicy.Inference.Loading.Gguf;
using KvPolicy.Inference.Tests.Support;
using KvPolicy.Inference.Tokenization;

namespace KvPolicy.Witness;

/// <summary>The BPE models at hand, each as our tokenizer and as the tokenizer.json that Hugging Face's library reads.</summary>
internal static class WitnessModels
{
    internal static readonly string[] Names = ["tiny/llama", "tiny/llama3-rope", "tiny/qwen2", "tiny/qwen3", "kvpolicy-tiny", "SmolLM2", "gpt-2",
        "starcoder", "deepseek-coder"];

    /// <summary>Ours, and the path of a tokenizer.json.</summary>
    internal static (ITextTokenizer Ours, string Json) Open(string name, string temporaryFolder)
    {
        switch (name)
        {
            case "SmolLM2":
                string smol = SharedData.Model("SmolLM2-135M-Instruct", "SmolLM2-135M-Instruct.Q4_1.gguf");
                return FromGguf(smol, temporaryFolder, [Digits(), ByteLevel(regex: true)]);
            case "gpt-2": return FromGguf(Vocabulary("gpt-2"), temporaryFolder, [ByteLevel(regex: true)]);
            case "starcoder": return FromGguf(Vocabulary("starcoder"), temporaryFolder, [Digits(), ByteLevel(regex: true)]);
            case "deepseek-coder":
                return FromGguf(Vocabulary("deepseek-coder"), temporaryFolder,
                    [Split(@"[\r\n]"), Split(@"\s?\p{L}+"), Split(@"\s?\p{P}+"), Split("[一-龥ࠀ-一가-퟿]+"), Digits(), ByteLevel(regex: false)]);
            default:
                string folder = SharedData.Model(name.Split('/'));
                return (TokenizerFactory.FromFolder(folder), Path.Combine(folder, "tokenizer.json"));
        }
    }

    private static string Vocabulary(string name) => SharedData.Model("tokenizers", "ggml-vocab", $"ggml-vocab-{name}.gguf");

    private static JsonObject Digits() => new() { ["type"] = "Digits", ["individual_digits"] = true };

    internal static JsonObject ByteLevel(bool regex)
        => new() { ["type"] = "ByteLevel", ["add_prefix_space"] = false, ["trim_offsets"] = true, ["use_regex"] = regex };

    internal static JsonObject Split(string pattern)
        => new() { ["type"] = "Split", ["pattern"] = new JsonObject { ["Regex"] = pattern }, ["behavior"] = "Isolated", ["invert"] = false };

    // The published tokenizer.json of these models is a GGUF's vocabulary, merges and token types in other words.
    private static (ITextTokenizer, string) FromGguf(string path, string folder, JsonNode[] steps)
    {
        using GgufFile file = GgufFile.Open(path);
        string[] tokens = file.Metadata.GetStringArray("tokenizer.ggml.tokens")!;
        int[] types = file.Metadata.GetIntArray("tokenizer.ggml.token_type")!;
        var vocabulary = new JsonObject();
        var added = new JsonArray();
        for (int id = 0; id < tokens.Length; id++)
        {
            vocabulary[tokens[id]] = id;
            if (types[id] is 3 or 4) added.Add(AddedToken(id, tokens[id], special: types[id] == 3));
        }
        var json = new JsonObject
        {
            ["version"] = "1.0",
            ["truncation"] = null,
            ["padding"] = null,
            ["added_tokens"] = added,
            ["normalizer"] = null,
            ["pre_tokenizer"] = new JsonObject { ["type"] = "Sequence", ["pretokenizers"] = new JsonArray(steps) },
            ["post_processor"] = null,
            ["decoder"] = ByteLevel(regex: true),
            ["model"] = new JsonObject
            {
                ["type"] = "BPE",
                ["vocab"] = vocabulary,
                ["merges"] = new JsonArray([.. file.Metadata.GetStringArray("tokenizer.ggml.merges")!.Select(merge => (JsonNode)merge)]),
            },
        };
        string target = Path.Combine(folder, Path.GetFileName(path) + ".json");
        File.WriteAllText(target, json.ToJsonString());
        return (TokenizerFactory.FromGguf(file), target);
    }

    internal static JsonObject AddedToken(int id, string content, bool special) => new()
    {
        ["id"] = id,
        ["content"] = content,
        ["single_word"] = false,
        ["lstrip"] = false,
        ["rstrip"] = false,
        ["normalized"] = false,
        ["special"] = special,
    };
}
