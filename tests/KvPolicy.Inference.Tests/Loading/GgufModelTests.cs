using KvPolicy.Inference.Loading;
using KvPolicy.Inference.Models;
using KvPolicy.Inference.Tests.Loading.Building;
using KvPolicy.Inference.Tests.Support;

namespace KvPolicy.Inference.Tests.Loading;

public sealed class GgufModelTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private string Write(GgufBuilder gguf) => _folder.Write("m.gguf", gguf.Build());

    private Model Load(GgufBuilder gguf) => ModelLoader.Load(Write(gguf));

    private void Refused(GgufBuilder gguf, params string[] words) => LoadAssert.Refused(Write(gguf), words);

    [Theory]
    [InlineData(2u, 32u)]
    [InlineData(3u, 1u)]
    [InlineData(3u, 8u)]
    [InlineData(3u, 4096u)]
    public void Versions_and_alignments_give_the_same_numbers(uint version, uint alignment)
    {
        GgufBuilder gguf = TinyModel.Gguf();
        gguf.Version = version;
        gguf.Alignment = alignment;
        using Model model = Load(gguf);
        Assert.Equal((TinyModel.GgufVocabulary, 8, 12, 2, 2, 1, 4, 32), (model.Config.VocabularySize, model.Config.HiddenSize, model.Config.FeedForwardSize,
            model.Config.Layers, model.Config.QueryHeads, model.Config.KvHeads, model.Config.HeadDim, model.Config.ContextLength));
        // The embedding was written first, from seed 0; the classifier is the 21st tensor.
        Assert.Equal(Floats(TinyModel.Floats(8 * TinyModel.GgufVocabulary, 0)), Dequantizer.All(model.Weights.Embedding));
        Assert.Equal(Floats(TinyModel.Floats(8 * TinyModel.GgufVocabulary, 20)), Dequantizer.All(model.Weights.Classifier));
        Assert.Equal(Floats(TinyModel.Floats(12 * 8, 9)), Dequantizer.All(model.Weights.Layers[0].Down));
    }

    [Fact]
    public void Without_a_classifier_the_embedding_is_it()
    {
        using Model model = Load(TinyModel.Gguf().RemoveTensor("output.weight"));
        Assert.Same(model.Weights.Embedding, model.Weights.Classifier);
    }

    [Fact]
    public void Frequencies_are_divided_by_rope_freqs_and_by_the_linear_factor()
    {
        using Model plain = Load(TinyModel.Gguf());
        Assert.Null(plain.Config.RopeDivisors);
        byte[] divisors = [.. BitConverter.GetBytes(1f), .. BitConverter.GetBytes(8f)];
        using Model freqs = Load(TinyModel.Gguf().Tensor("rope_freqs.weight", 0, divisors, 2));
        Assert.Equal([1f, 8f], freqs.Config.RopeDivisors!);
        using Model both = Load(TinyModel.Gguf().Tensor("rope_freqs.weight", 0, divisors, 2).Set("llama.rope.scaling.type", "linear").Set("llama.rope.scaling.factor", 4f));
        Assert.Equal([4f, 32f], both.Config.RopeDivisors!);
        using Model none = Load(TinyModel.Gguf().Set("llama.rope.scaling.type", "none").Set("llama.rope.scaling.factor", 4f));
        Assert.Null(none.Config.RopeDivisors);
    }

    [Fact]
    public void Numbers_may_be_of_any_width_and_given_once_a_layer()
    {
        using Model model = Load(TinyModel.Gguf()
            .Set("llama.attention.head_count", (int[])[2, 2]).Set("llama.feed_forward_length", 12UL).Set("llama.context_length", (ushort)32)
            .Set("llama.attention.sliding_window", 16u).Set("llama.rope.freq_base", 5000.0).Set("llama.rope.dimension_count", 4u));
        Assert.Equal((2, 12, 32, 16, 5000f), (model.Config.QueryHeads, model.Config.FeedForwardSize, model.Config.ContextLength, model.Config.SlidingWindow, model.Config.RopeTheta));
        Refused(TinyModel.Gguf().Set("llama.attention.head_count", (int[])[2, 4]), "llama.attention.head_count", "layer to layer");
        Refused(TinyModel.Gguf().Set("llama.attention.head_count", (int[])[]), "llama.attention.head_count", "empty");
    }

    [Fact]
    public void Qwen2_has_biases_and_qwen3_has_head_norms()
    {
        Refused(TinyModel.Gguf("qwen2"), "blk.0.attn_q.bias", "missing");
        Refused(TinyModel.Gguf("qwen3"), "blk.0.attn_q_norm.weight", "missing");
        GgufBuilder qwen2 = TinyModel.Gguf("qwen2"), qwen3 = TinyModel.Gguf("qwen3");
        for (int i = 0; i < TinyModel.Layers; i++)
        {
            qwen2.Tensor($"blk.{i}.attn_q.bias", 0, new byte[32], 8).Tensor($"blk.{i}.attn_k.bias", 0, new byte[16], 4).Tensor($"blk.{i}.attn_v.bias", 0, new byte[16], 4);
            qwen3.Tensor($"blk.{i}.attn_q_norm.weight", 0, new byte[16], 4).Tensor($"blk.{i}.attn_k_norm.weight", 0, new byte[16], 4);
        }
        using Model two = Load(qwen2);
        Assert.Equal((8, RopePairing.Halves), (two.Weights.Layers[1].QueryBias!.Columns, two.Config.RopePairing));
        using Model three = Load(qwen3);
        Assert.Equal((4, Architecture.Qwen3), (three.Weights.Layers[1].KeyNorm!.Columns, three.Config.Architecture));
        Refused(qwen3.Set("qwen3.attention.key_length", 6u), "attn_q.weight", "[8, 8]");
    }

    /// <summary>Keys that converters, quantizers and splitters write beside those that count.</summary>
    [Fact]
    public void Keys_of_no_effect_are_accepted()
    {
        GgufBuilder gguf = TinyModel.Gguf();
        foreach (string key in (string[])["general.name", "general.type", "general.license", "general.size_label", "general.base_model.0.repo_url", "quantize.imatrix.file",
            "quantize.imatrix.dataset", "tokenizer.chat_template.tool_use", "tokenizer.huggingface.json", "llama.tensor_data_layout"]) gguf.Set(key, "x");
        foreach (string key in (string[])["general.file_type", "general.quantization_version", "general.base_model.count", "quantize.imatrix.entries_count", "split.no",
            "split.count", "split.tensors.count", "llama.expert_count", "llama.expert_used_count", "llama.attention.sliding_window", "tokenizer.ggml.fim_pre_token_id",
            "tokenizer.ggml.seperator_token_id", "tokenizer.ggml.token_type_count"]) gguf.Set(key, 0u);
        gguf.Set("tokenizer.ggml.padding_token_id", uint.MaxValue).Set("tokenizer.ggml.add_bos_token", false).Set("tokenizer.ggml.add_space_prefix", false)
            .Set("general.tags", (string[])["a", "b"]).Set("general.languages", (string[])[]).Set("llama.attention.causal", true)
            .Set("llama.vocab_size", (uint)TinyModel.GgufVocabulary).Set("llama.rope.dimension_count", 4u).Set("llama.attention.key_length", 4u)
            .Set("llama.attention.value_length", 4u).Set("llama.attention.layer_norm_epsilon", 1e-5f).Set("llama.rope.scaling.attn_factor", 1f)
            .Set("llama.rope.scaling.finetuned", false).Set("llama.rope.scaling.original_context_length", 16u);
        using Model plain = Load(TinyModel.Gguf());
        using Model model = Load(gguf);
        Assert.Equal(plain.Config, model.Config);
    }

    [Fact]
    public void What_is_not_supported_is_refused_by_name()
    {
        Refused(TinyModel.Gguf().Set("general.architecture", "gemma2"), "general.architecture", "gemma2");
        Refused(TinyModel.Gguf().Remove("general.architecture"), "general.architecture", "missing");
        Refused(TinyModel.Gguf().Set("llama.expert_count", 8u), "llama.expert_count", "experts");
        Refused(TinyModel.Gguf().Set("llama.rope.scaling.type", "yarn"), "llama.rope.scaling.type", "yarn");
        Refused(TinyModel.Gguf().Set("llama.rope.dimension_count", 2u), "llama.rope.dimension_count", "2 of 4");
        Refused(TinyModel.Gguf().Set("llama.attention.value_length", 8u), "llama.attention.value_length");
        Refused(TinyModel.Gguf().Set("llama.logit_scale", 8f), "llama.logit_scale");
        Refused(TinyModel.Gguf().Tensor("blk.0.attn_output.bias", 0, new byte[32], 8), "blk.0.attn_output.bias");
        Refused(TinyModel.Gguf().Tensor("blk.0.ffn_gate_exps.weight", 0, new byte[64], 2, 2, 4), "blk.0.ffn_gate_exps.weight");
        Refused(TinyModel.Gguf().Tensor("token_embd.weight", 10, new byte[84], 256, 1), "token_embd.weight", "Q2_K");
        Refused(TinyModel.Gguf().Tensor("token_embd.weight", 999, new byte[84], 256, 1), "token_embd.weight", "999", "unknown");
    }

    [Fact]
    public void Numbers_that_contradict_each_other_are_refused()
    {
        Refused(TinyModel.Gguf().Set("llama.attention.head_count_kv", 3u), "KV head", "3", "2");
        Refused(TinyModel.Gguf().Set("llama.attention.head_count", 3u), "llama.attention.head_count", "3");
        Refused(TinyModel.Gguf().Set("llama.attention.head_count", 0u), "llama.attention.head_count", "0");
        Refused(TinyModel.Gguf().Set("llama.block_count", 3u), "blk.2.", "missing");
        Refused(TinyModel.Gguf().Set("llama.block_count", 1u), "blk.1.");
        Refused(TinyModel.Gguf().Set("llama.block_count", 0u), "layer count");
        Refused(TinyModel.Gguf().Set("llama.block_count", uint.MaxValue), "llama.block_count");
        Refused(TinyModel.Gguf().Set("llama.block_count", -1), "llama.block_count");
        Refused(TinyModel.Gguf().Set("llama.embedding_length", 16u), "[258, 8]", "[258, 16]");
        Refused(TinyModel.Gguf().Set("llama.embedding_length", "8"), "llama.embedding_length", "String");
        Refused(TinyModel.Gguf().Set("llama.context_length", int.MaxValue), "context length");
        Refused(TinyModel.Gguf().Set("llama.attention.layer_norm_rms_epsilon", float.NaN), "epsilon");
        Refused(TinyModel.Gguf().Remove("llama.attention.layer_norm_rms_epsilon"), "llama.attention.layer_norm_rms_epsilon", "missing");
        Refused(TinyModel.Gguf().Set("llama.rope.freq_base", 0f), "RoPE base");
        Refused(TinyModel.Gguf().Set("llama.vocab_size", 300u), "llama.vocab_size", "258");
        Refused(TinyModel.Gguf().Set("tokenizer.ggml.tokens", (string[])[.. Enumerable.Range(0, 259).Select(i => $"t{i}")])
            .Set("tokenizer.ggml.token_type", Enumerable.Repeat(1, 259).ToArray()).Set("tokenizer.ggml.merges", (string[])[]), "258");
        Refused(TinyModel.Gguf().RemoveTensor("blk.1.ffn_up.weight"), "blk.1.ffn_up.weight", "missing");
        Refused(TinyModel.Gguf().Tensor("rope_freqs.weight", 0, new byte[8], 2), "RoPE divisors");
    }

    [Fact]
    public void Lying_headers_are_refused()
    {
        void Lie(Action<GgufBuilder> lie, params string[] words)
        {
            GgufBuilder gguf = TinyModel.Gguf();
            lie(gguf);
            Refused(gguf, words);
        }
        Lie(g => g.Version = 1, "version", "1");
        Lie(g => g.Version = 4, "version", "4");
        Lie(g => g.Version = 0x03000000, "version", "big-endian");
        Lie(g => g.Alignment = 0, "general.alignment");
        Lie(g => g.Set("general.alignment", "32"), "general.alignment", "String");
        Lie(g => g.LyingTensorCount = ulong.MaxValue, "tensor count", "18446744073709551615");
        Lie(g => g.LyingTensorCount = 22);
        Lie(g => g.LyingPairCount = ulong.MaxValue, "metadata count");
        Lie(g => g.LyingPairCount = 1UL << 40, "metadata count");
        Lie(g => g.Offset = (name, offset) => name == "output.weight" ? offset + 32 : offset, "output.weight", "do not lie");
        Lie(g => g.Offset = (name, offset) => name == "output.weight" ? ulong.MaxValue - 31 : offset, "output.weight", "do not lie");
        Lie(g => g.Offset = (name, offset) => name == "blk.0.attn_k.weight" ? offset - 32 : offset, "shares bytes");
        Lie(g => g.Tensor("output.weight", 0, new byte[8], 1L << 31, 1), "output.weight", "2147483648");
        Lie(g => g.Tensor("output.weight", 0, new byte[8], int.MaxValue, int.MaxValue), "output.weight", "do not lie");
        Lie(g => g.Tensor("output.weight", 0, new byte[8], int.MaxValue, int.MaxValue, int.MaxValue), "output.weight", "too large");
        Lie(g => g.Tensor("output.weight", 0, new byte[8], 0, 1), "output.weight", "dimension of 0");
        Lie(g => g.Tensor("output.weight", 0, new byte[8], 1, 1, 1, 1, 1), "output.weight", "5 dimensions");
        Lie(g => g.Tensor("output.weight", 8, new byte[34], 33, 1), "output.weight", "33", "Q8_0");
        Lie(g => g.SetRaw("x", [9, 0, 0, 0, 9, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]), "x", "array of arrays");
        Lie(g => g.SetRaw("x", [9, 0, 0, 0, 5, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 127]), "x", "9223372036854775807");
        Lie(g => g.SetRaw("x", [13, 0, 0, 0]), "x", "13");
        Lie(g => g.SetRaw("x", [8, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255]), "x");
    }

    [Fact]
    public void A_name_in_the_file_cannot_break_the_line()
        => Refused(TinyModel.Gguf().Tensor("evil\nname\u001b[31m" + new string('x', 5000), 0, new byte[32], 8), "evil?name?[31mx");

    [Fact]
    public void Parts_are_loaded_from_the_first_or_refused_by_its_name()
    {
        GgufBuilder Part(int number, Func<string, bool> holds)
        {
            GgufBuilder all = TinyModel.Gguf(), part = number == 0 ? TinyModel.Gguf() : new GgufBuilder();
            string[] names = [.. LoadNames()];
            foreach (string name in names.Where(n => !holds(n))) part.RemoveTensor(name);
            if (number > 0) CopyTensors(part, holds);
            return part.Set("split.no", (ushort)number).Set("split.count", (ushort)2).Set("split.tensors.count", 21);
        }
        string first = _folder.Write("m-00001-of-00002.gguf", Part(0, n => n.StartsWith("blk.0", StringComparison.Ordinal)).Build());
        Assert.Contains("m-00002-of-00002.gguf: path: no such file", Assert.Throws<ModelFormatException>(() => ModelLoader.Load(first)).Message, StringComparison.Ordinal);
        string second = _folder.Write("m-00002-of-00002.gguf", Part(1, n => !n.StartsWith("blk.0", StringComparison.Ordinal)).Build());
        using (Model model = ModelLoader.Load(first))
        {
            LoadAssert.Touch(model);
            Assert.Equal(new FileInfo(first).Length + new FileInfo(second).Length, model.FileBytes);
        }
        LoadAssert.Refused(second, "split.no", "m-00001-of-00002.gguf");
        File.Copy(first, _folder.At("renamed.gguf"));
        LoadAssert.Refused(_folder.At("renamed.gguf"), "split.count", "-00001-of-00002.gguf");
        File.Copy(first, second, overwrite: true);
        var e = Assert.Throws<ModelFormatException>(() => ModelLoader.Load(first));
        Assert.Contains("m-00002-of-00002.gguf: split.no", e.Message, StringComparison.Ordinal);
    }

    private static IEnumerable<string> LoadNames()
    {
        string[] parts = ["attn_norm", "attn_q", "attn_k", "attn_v", "attn_output", "ffn_norm", "ffn_gate", "ffn_up", "ffn_down"];
        return Enumerable.Range(0, 2).SelectMany(i => parts.Select(p => $"blk.{i}.{p}.weight")).Append("token_embd.weight").Append("output_norm.weight").Append("output.weight");
    }

    private static void CopyTensors(GgufBuilder part, Func<string, bool> holds)
    {
        foreach (string name in LoadNames().Where(holds))
        {
            long[] shape = name switch
            {
                "token_embd.weight" or "output.weight" => [8, TinyModel.GgufVocabulary],
                "output_norm.weight" => [8],
                _ => name.Split('.')[2] switch
                {
                    "attn_norm" or "ffn_norm" => [8],
                    "attn_q" or "attn_output" => [8, 8],
                    "attn_k" or "attn_v" => [8, 4],
                    "ffn_down" => [12, 8],
                    _ => [8, 12],
                },
            };
            part.Tensor(name, 0, TinyModel.Floats((int)shape.Aggregate(1L, (a, b) => a * b), 3), shape);
        }
    }

    private static float[] Floats(byte[] bytes) => System.Runtime.InteropServices.MemoryMarshal.Cast<byte, float>(bytes).ToArray();
}
