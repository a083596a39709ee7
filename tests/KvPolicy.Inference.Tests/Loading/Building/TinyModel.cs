using System.Text;

namespace KvPolicy.Inference.Tests.Loading.Building;

/// <summary>A decoder of two layers with random f32 weights, written in every format that is loaded. Small, so that thousands can be damaged.</summary>
internal static class TinyModel
{
    internal const int Hidden = 8, FeedForward = 12, Layers = 2, Heads = 2, KvHeads = 1, HeadDim = 4, Context = 32;

    /// <summary>256 bytes, one word, one special.</summary>
    internal const int GgufVocabulary = 258;

    /// <summary>Ids of the embedded model's tokenizer, which the folders borrow.</summary>
    internal const int FolderVocabulary = 1126;

    /// <summary>&lt;unk&gt;, &lt;s&gt;, &lt;/s&gt;, 256 bytes, letters.</summary>
    internal const int Llama2cVocabulary = 3 + 256 + 26;

    internal static byte[] Floats(int count, int seed)
    {
        var random = new Random(seed);
        var bytes = new byte[4 * count];
        for (int i = 0; i < count; i++) BitConverter.TryWriteBytes(bytes.AsSpan(4 * i), (float)(random.NextDouble() - 0.5));
        return bytes;
    }

    internal static GgufBuilder Gguf(string architecture = "llama")
    {
        GgufBuilder gguf = new GgufBuilder()
            .Set("general.architecture", architecture)
            .Set($"{architecture}.context_length", (uint)Context)
            .Set($"{architecture}.embedding_length", (uint)Hidden)
            .Set($"{architecture}.block_count", (uint)Layers)
            .Set($"{architecture}.feed_forward_length", (uint)FeedForward)
            .Set($"{architecture}.attention.head_count", (uint)Heads)
            .Set($"{architecture}.attention.head_count_kv", (uint)KvHeads)
            .Set($"{architecture}.attention.layer_norm_rms_epsilon", 1e-5f)
            .Set("tokenizer.ggml.model", "gpt2")
            .Set("tokenizer.ggml.pre", "gpt-2")
            .Set("tokenizer.ggml.tokens", (string[])[.. ByteAlphabet(), "th", "<|endoftext|>"])
            .Set("tokenizer.ggml.token_type", (int[])[.. Enumerable.Repeat(1, 257), 3])
            .Set("tokenizer.ggml.merges", (string[])["t h"])
            .Set("tokenizer.ggml.eos_token_id", 257u);
        int seed = 0;
        foreach ((string name, long[] shape) in Shapes(GgufVocabulary, "token_embd", "output_norm", "output", "blk.", "attn_norm", "attn_q", "attn_k", "attn_v",
            "attn_output", "ffn_norm", "ffn_gate", "ffn_up", "ffn_down"))
        {
            gguf.Tensor(name, 0, Floats((int)shape.Aggregate(1L, (a, b) => a * b), seed++), [.. shape.Reverse()]);
        }
        return gguf;
    }

    internal const string FolderConfig = """
        {"architectures":["LlamaForCausalLM"],"model_type":"llama","vocab_size":1126,"hidden_size":8,"intermediate_size":12,"num_hidden_layers":2,
        "num_attention_heads":2,"num_key_value_heads":1,"hidden_act":"silu","max_position_embeddings":32,"rms_norm_eps":1e-05,"rope_theta":10000.0,
        "attention_bias":false,"tie_word_embeddings":false,"bos_token_id":1,"eos_token_id":2,"torch_dtype":"float32"}
        """;

    internal static List<(string Name, string Type, long[] Shape, byte[] Data)> FolderTensors()
    {
        int seed = 0;
        return [.. Shapes(FolderVocabulary, "model.embed_tokens", "model.norm", "lm_head", "model.layers.", "input_layernorm", "self_attn.q_proj", "self_attn.k_proj",
            "self_attn.v_proj", "self_attn.o_proj", "post_attention_layernorm", "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj")
            .Select(t => (t.Name, "F32", t.Shape, Floats((int)t.Shape.Aggregate(1L, (a, b) => a * b), seed++)))];
    }

    /// <summary>Files of a folder by name.</summary>
    internal static Dictionary<string, byte[]> Folder() => new()
    {
        ["config.json"] = Encoding.UTF8.GetBytes(FolderConfig),
        ["model.safetensors"] = SafetensorsBytes.Of(FolderTensors()),
        ["tokenizer.json"] = Resource("tokenizer.json"),
        ["tokenizer_config.json"] = Resource("tokenizer_config.json"),
        ["generation_config.json"] = Resource("generation_config.json"),
    };

    internal static byte[] Llama2c(bool separateClassifier = false)
    {
        int[] header = [Hidden, FeedForward, Layers, Heads, KvHeads, separateClassifier ? -Llama2cVocabulary : Llama2cVocabulary, Context];
        const int kv = KvHeads * HeadDim;
        int numbers = Llama2cVocabulary * Hidden * (separateClassifier ? 2 : 1)
            + Layers * (2 * Hidden + 2 * Hidden * Hidden + 2 * kv * Hidden + 3 * FeedForward * Hidden) + Hidden + Context * HeadDim;
        return [.. header.SelectMany(BitConverter.GetBytes), .. Floats(numbers, 1)];
    }

    internal static byte[] Llama2cTokenizer()
    {
        string[] tokens = ["<unk>", "<s>", "</s>", .. Enumerable.Range(0, 256).Select(i => $"<0x{i:X2}>"), .. Enumerable.Range(0, 26).Select(i => ((char)('a' + i)).ToString())];
        using var stream = new MemoryStream();
        using (var w = new BinaryWriter(stream))
        {
            w.Write(6);
            for (int i = 0; i < tokens.Length; i++)
            {
                w.Write(-(float)i);
                w.Write(tokens[i].Length);
                w.Write(Encoding.ASCII.GetBytes(tokens[i]));
            }
        }
        return stream.ToArray();
    }

    private static IEnumerable<(string Name, long[] Shape)> Shapes(long vocabulary, string embedding, string norm, string classifier, string layer, params string[] parts)
    {
        long query = Heads * HeadDim, kv = KvHeads * HeadDim;
        long[][] shapes = [[Hidden], [query, Hidden], [kv, Hidden], [kv, Hidden], [Hidden, query], [Hidden], [FeedForward, Hidden], [FeedForward, Hidden], [Hidden, FeedForward]];
        yield return (embedding + ".weight", [vocabulary, Hidden]);
        for (int i = 0; i < Layers; i++)
        {
            for (int p = 0; p < parts.Length; p++) yield return ($"{layer}{i}.{parts[p]}.weight", shapes[p]);
        }
        yield return (norm + ".weight", [Hidden]);
        yield return (classifier + ".weight", [vocabulary, Hidden]);
    }

    // The characters that stand for the 256 bytes in GPT-2's vocabulary: printable ones for themselves, the others from U+0100 on.
    private static IEnumerable<string> ByteAlphabet()
    {
        int next = 256;
        for (int b = 0; b < 256; b++)
        {
            bool printable = b is >= 33 and <= 126 or >= 161 and <= 172 or >= 174;
            yield return ((char)(printable ? b : next++)).ToString();
        }
    }

    private static byte[] Resource(string name)
    {
        using Stream stream = typeof(KvPolicy.Inference.Models.Model).Assembly.GetManifestResourceStream("kvpolicy-tiny/" + name)!;
        var bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        return bytes;
    }
}
