using System.Text;
using System.Text.Json.Nodes;
using KvPolicy.Inference.Tests.Loading.Building;
using KvPolicy.Inference.Tokenization.Bpe;

namespace KvPolicy.Inference.Tests.Tokenization;

/// <summary>Tokenizers of a few tokens, so that tests need no reference data: 256 bytes, a handful of merges, three added tokens.</summary>
internal static class SmallTokenizers
{
    internal static readonly string[] Merges = ["h e", "l l", "he ll", "hell o", "\u0120 w", "o r", "\u0120w or", "a a", "aa aa", "1 2"];

    /// <summary>Ids 0 to 255 are the bytes, then the merges, then &lt;s&gt;, &lt;/s&gt; (special) and [tool] (not).</summary>
    internal static JsonObject Json()
    {
        var vocabulary = new JsonObject();
        foreach (string token in Tokens().Take(Tokens().Length - 3)) vocabulary[token] = vocabulary.Count;
        int next = vocabulary.Count;
        return new JsonObject
        {
            ["version"] = "1.0",
            ["added_tokens"] = new JsonArray(Added(next, "<s>", true), Added(next + 1, "</s>", true), Added(next + 2, "[tool]", false)),
            ["normalizer"] = null,
            ["pre_tokenizer"] = new JsonObject { ["type"] = "ByteLevel", ["add_prefix_space"] = false, ["use_regex"] = true },
            ["post_processor"] = null,
            ["decoder"] = new JsonObject { ["type"] = "ByteLevel" },
            ["model"] = new JsonObject
            {
                ["type"] = "BPE",
                ["vocab"] = vocabulary,
                ["merges"] = new JsonArray([.. Merges.Select(merge => (JsonNode)merge)]),
            },
        };
    }

    internal static JsonObject Added(int id, string content, bool special) => new() { ["id"] = id, ["content"] = content, ["special"] = special };

    internal static byte[] Utf8(JsonNode json) => Encoding.UTF8.GetBytes(json.ToJsonString());

    /// <summary>The same as a GGUF of vocabulary alone.</summary>
    internal static GgufBuilder Gguf()
    {
        string[] tokens = Tokens();
        int[] types = [.. tokens.Select((_, id) => id < tokens.Length - 3 ? 1 : id == tokens.Length - 1 ? 4 : 3)];
        return new GgufBuilder()
            .Set("general.architecture", "llama")
            .Set("tokenizer.ggml.model", "gpt2")
            .Set("tokenizer.ggml.pre", "gpt-2")
            .Set("tokenizer.ggml.tokens", tokens)
            .Set("tokenizer.ggml.token_type", types)
            .Set("tokenizer.ggml.merges", Merges)
            .Set("tokenizer.ggml.bos_token_id", (uint)(tokens.Length - 3))
            .Set("tokenizer.ggml.eos_token_id", (uint)(tokens.Length - 2));
    }

    /// <summary>A SentencePiece vocabulary as GGUF: unknown, BOS, EOS, 256 bytes, the pieces given.</summary>
    internal static GgufBuilder SentencePiece(params (string Piece, float Score, int Type)[] pieces)
    {
        string[] tokens = ["<unk>", "<s>", "</s>", .. Enumerable.Range(0, 256).Select(b => $"<0x{b:X2}>"), .. pieces.Select(p => p.Piece)];
        return new GgufBuilder()
            .Set("general.architecture", "llama")
            .Set("tokenizer.ggml.model", "llama")
            .Set("tokenizer.ggml.tokens", tokens)
            .Set("tokenizer.ggml.scores", (float[])[.. new float[259], .. pieces.Select(p => p.Score)])
            .Set("tokenizer.ggml.token_type", (int[])[2, 3, 3, .. Enumerable.Repeat(6, 256), .. pieces.Select(p => p.Type)]);
    }

    private static string[] Tokens()
        => [.. Enumerable.Range(0, 256).Select(b => ByteAlphabet.ToChar((byte)b).ToString()), .. Merges.Select(merge => merge.Replace(" ", "")),
            "<s>", "</s>", "[tool]"];
}
