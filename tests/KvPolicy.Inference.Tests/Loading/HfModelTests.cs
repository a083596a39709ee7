using System.Text;
using System.Text.Json.Nodes;
using KvPolicy.Inference.Loading;
using KvPolicy.Inference.Models;
using KvPolicy.Inference.Tests.Loading.Building;
using KvPolicy.Inference.Tests.Support;

namespace KvPolicy.Inference.Tests.Loading;

public sealed class HfModelTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public HfModelTests() => Restore();

    public void Dispose() => _folder.Dispose();

    private void Restore()
    {
        foreach ((string name, byte[] bytes) in TinyModel.Folder()) _folder.Write(name, bytes);
    }

    private void Config(params (string Key, string? Json)[] changes)
    {
        JsonObject config = JsonNode.Parse(TinyModel.FolderConfig)!.AsObject();
        foreach ((string key, string? json) in changes)
        {
            config.Remove(key);
            if (json is not null) config.Add(key, JsonNode.Parse(json));
        }
        _folder.Write("config.json", config.ToJsonString());
    }

    private void Refused(params string[] words) => LoadAssert.Refused(_folder.Path, words);

    private ModelConfig Loaded(params (string Key, string? Json)[] changes)
    {
        Config(changes);
        using Model model = ModelLoader.Load(_folder.Path);
        LoadAssert.Touch(model);
        return model.Config;
    }

    [Fact]
    public void Older_and_newer_forms_of_the_config_agree()
    {
        ModelConfig older = Loaded(("rope_theta", "5000.0"), ("rope_scaling", """{"type":"linear","factor":2.0}"""));
        ModelConfig newer = Loaded(("rope_theta", null), ("torch_dtype", null), ("dtype", "\"float32\""), ("rope_parameters", """{"rope_type":"linear","factor":2.0,"rope_theta":5000}"""));
        Assert.Equal((5000f, 2f), (older.RopeTheta, older.RopeDivisors![1]));
        Assert.Equal(older.RopeDivisors, newer.RopeDivisors);
        Assert.Equal(older with { RopeDivisors = null }, newer with { RopeDivisors = null });
        Assert.Equal(10000f, Loaded(("rope_theta", null)).RopeTheta);
        Assert.Equal(20000f, Loaded(("rope_theta", null), ("rope_parameters", """{"rope_theta":20000}""")).RopeTheta);
        Assert.Null(Loaded(("rope_scaling", "null")).RopeDivisors);
    }

    /// <summary>Witness: the frequencies of the formula in the documentation of Llama 3's scaling, computed the other way round.</summary>
    [SkippableFact]
    public void Llama3_scaling_gives_the_frequencies_of_its_formula()
    {
        using Model model = ModelLoader.Load(SharedData.Model("tiny", "llama3-rope"));
        float[] divisors = model.Config.RopeDivisors!;
        Assert.Equal(8, divisors.Length);
        int blended = 0;
        for (int i = 0; i < 8; i++)
        {
            double frequency = Math.Pow(500000, -i / 8.0), wavelength = 2 * Math.PI / frequency;
            double expected = frequency;
            if (wavelength > 64 / 1.0) expected = frequency / 8;
            else if (wavelength >= 64 / 4.0)
            {
                double s = (64 / wavelength - 1) / (4 - 1);
                expected = (1 - s) * frequency / 8 + s * frequency;
                blended++;
            }
            Assert.Equal(expected, frequency / divisors[i], 1e-6 * expected);
        }
        Assert.Equal((1, 1f, 8f), (blended, divisors[0], divisors[7]));
    }

    [Fact]
    public void Windows_follow_the_family()
    {
        Assert.Equal(0, Loaded(("model_type", "\"mistral\""), ("sliding_window", "null")).SlidingWindow);
        Assert.Equal(7, Loaded(("model_type", "\"mistral\""), ("sliding_window", "7")).SlidingWindow);
        Assert.Equal(4096, Loaded(("model_type", "\"mistral\"")).SlidingWindow);
        AddBiases();
        (string, string?) qwen = ("model_type", "\"qwen2\"");
        Assert.Equal(0, Loaded(qwen, ("sliding_window", "7"), ("use_sliding_window", "false")).SlidingWindow);
        Assert.Equal(7, Loaded(qwen, ("sliding_window", "7"), ("use_sliding_window", "true"), ("max_window_layers", "0")).SlidingWindow);
        Assert.Equal(0, Loaded(qwen, ("sliding_window", "7"), ("use_sliding_window", "true"), ("max_window_layers", "2")).SlidingWindow);
        Assert.Equal(7, Loaded(qwen, ("sliding_window", "7"), ("use_sliding_window", "true"), ("layer_types", """["sliding_attention","sliding_attention"]""")).SlidingWindow);
        Config(qwen, ("sliding_window", "7"), ("use_sliding_window", "true"), ("max_window_layers", "1"));
        Refused("max_window_layers", "some of the layers");
        Config(qwen, ("layer_types", """["sliding_attention","full_attention"]"""));
        Refused("layer_types", "layer to layer");
        Config(qwen, ("layer_types", """["full_attention"]"""));
        Refused("layer_types", "1 entries for 2");
    }

    private void AddBiases()
    {
        List<(string Name, string Type, long[] Shape, byte[] Data)> tensors = TinyModel.FolderTensors();
        for (int i = 0; i < TinyModel.Layers; i++)
        {
            tensors.Add(($"model.layers.{i}.self_attn.q_proj.bias", "F32", [8], new byte[32]));
            tensors.Add(($"model.layers.{i}.self_attn.k_proj.bias", "F32", [4], new byte[16]));
            tensors.Add(($"model.layers.{i}.self_attn.v_proj.bias", "F32", [4], new byte[16]));
        }
        _folder.Write("model.safetensors", SafetensorsBytes.Of(tensors));
    }

    [Theory]
    [InlineData("model_type", "\"gpt_neox\"", "gpt_neox")]
    [InlineData("model_type", "\"mixtral\"", "mixtral")]
    [InlineData("model_type", null, "missing")]
    [InlineData("architectures", "[\"LlamaForSequenceClassification\"]", "LlamaForSequenceClassification")]
    [InlineData("hidden_act", "\"gelu\"", "gelu")]
    [InlineData("attention_bias", "true", "not supported")]
    [InlineData("attention_bias", "\"yes\"", "true or false")]
    [InlineData("mlp_bias", "true", "not supported")]
    [InlineData("rope_interleaved", "true", "not supported")]
    [InlineData("partial_rotary_factor", "0.5", "0.5")]
    [InlineData("quantization_config", "{\"quant_method\":\"gptq\"}", "not supported")]
    [InlineData("num_local_experts", "8", "not supported")]
    [InlineData("no_rope_layers", "[1,0]", "not supported")]
    [InlineData("sliding_window", "16", "llama")]
    [InlineData("auto_map", "{\"AutoModelForCausalLM\":\"x.Y\"}", "code of its own")]
    [InlineData("rope_scaling", "{\"rope_type\":\"yarn\",\"factor\":4}", "yarn")]
    [InlineData("rope_scaling", "{\"type\":\"dynamic\",\"factor\":4}", "dynamic")]
    [InlineData("rope_scaling", "{\"factor\":4}", "no rope_type")]
    [InlineData("rope_scaling", "{\"type\":\"linear\"}", "rope_scaling.factor")]
    [InlineData("rope_scaling", "{\"type\":\"linear\",\"factor\":0.5}", "factor")]
    [InlineData("rope_scaling", "{\"type\":\"linear\",\"factor\":2,\"mystery\":1}", "mystery")]
    [InlineData("rope_scaling", "[]", "not an object")]
    [InlineData("hidden_size", "null", "missing")]
    [InlineData("hidden_size", "16", "[1126, 8]")]
    [InlineData("hidden_size", "8.5", "not a whole number")]
    [InlineData("hidden_size", "1e300", "not a whole number")]
    [InlineData("hidden_size", "-8", "hidden size")]
    [InlineData("num_hidden_layers", "0", "layer count")]
    [InlineData("num_hidden_layers", "3", "model.layers.2.")]
    [InlineData("num_hidden_layers", "1", "model.layers.1.")]
    [InlineData("num_hidden_layers", "2147483647", "model.layers.2.")]
    [InlineData("num_attention_heads", "3", "num_attention_heads")]
    [InlineData("num_attention_heads", "0", "num_attention_heads")]
    [InlineData("num_key_value_heads", "3", "KV head count")]
    [InlineData("head_dim", "3", "odd")]
    [InlineData("head_dim", "8", "q_proj.weight")]
    [InlineData("head_dim", "1073741824", "width")]
    [InlineData("vocab_size", "1125", "embed_tokens")]
    [InlineData("rms_norm_eps", "0", "epsilon")]
    [InlineData("rms_norm_eps", "\"1e-5\"", "not a number")]
    [InlineData("max_position_embeddings", "0", "context length")]
    [InlineData("rope_theta", "-1", "RoPE base")]
    public void A_config_that_cannot_be_honoured_is_refused_by_key(string key, string? json, string word)
    {
        Config((key, json));
        Refused(key is "hidden_size" or "num_hidden_layers" or "head_dim" or "vocab_size" or "num_key_value_heads" or "rms_norm_eps" or "max_position_embeddings" or "rope_theta" ? word : key, word);
    }

    /// <summary>Keys of published configs that change nothing for the model that carries them.</summary>
    [Theory]
    [InlineData("llama", """{"is_llama_config":true,"rope_interleaved":false,"pretraining_tp":1,"transformers.js_config":{"kv_cache_dtype":{"fp16":"float16"}}}""")]
    [InlineData("llama", """{"_name_or_path":"a/b","use_cache":true,"initializer_range":0.02,"attention_dropout":0.1,"mlp_bias":false,"head_dim":null}""")]
    [InlineData("llama", """{"quantization_config":null,"num_experts":0,"num_local_experts":0,"no_rope_layers":[],"clip_qkv":null,"partial_rotary_factor":1.0}""")]
    [InlineData("llama", """{"eos_token_id":-1,"bos_token_id":-1,"pad_token_id":-1,"architectures":null,"torch_dtype":"bfloat16"}""")]
    [InlineData("llama", """{"auto_map":{"AutoConfig":"x.Y"},"rope_scaling":{"type":"default"},"hidden_act":"swish","transformers_version":"4.31.0"}""")]
    [InlineData("mistral", """{"architectures":["MistralForCausalLM"],"sliding_window":null,"attention_dropout":0.0}""")]
    [InlineData("qwen2", """{"use_sliding_window":false,"sliding_window":32768,"max_window_layers":21,"use_mrope":false,"attention_bias":true}""")]
    public void Keys_of_no_effect_are_accepted(string family, string keys)
    {
        if (family == "qwen2") AddBiases();
        ModelConfig plain = Loaded(("model_type", $"\"{family}\""), ("sliding_window", "null"));
        ModelConfig config = Loaded([("model_type", $"\"{family}\""), .. JsonNode.Parse(keys)!.AsObject().Select(k => (k.Key, (string?)(k.Value?.ToJsonString() ?? "null")))]);
        Assert.Equal(plain, config);
    }

    [Theory]
    [InlineData("", "empty")]
    [InlineData("{", "no valid JSON")]
    [InlineData("[]", "no JSON object")]
    [InlineData("null", "no JSON object")]
    [InlineData("{\"model_type\":\"llama\",\"model_type\":\"qwen2\"}", "no valid JSON")]
    [InlineData("{\"model_type\":\"\\ud800\"}", "no Unicode")]
    public void A_broken_config_is_one_line(string text, string word)
    {
        _folder.Write("config.json", text);
        Refused("config", word);
    }

    [Fact]
    public void Deep_nesting_and_a_byte_order_mark_are_taken_calmly()
    {
        _folder.Write("config.json", "{\"x\":" + new string('[', 100_000));
        Refused("no valid JSON");
        _folder.Write("config.json", [0xEF, 0xBB, 0xBF, .. Encoding.UTF8.GetBytes(TinyModel.FolderConfig)]);
        ModelLoader.Load(_folder.Path).Dispose();
    }

    [Fact]
    public void Weights_may_begin_at_any_byte_and_metadata_may_be_null()
    {
        List<(string Name, string Type, long[] Shape, byte[] Data)> tensors = TinyModel.FolderTensors();
        float[]? first = null;
        for (int shift = 0; shift < 8; shift++)
        {
            _folder.Write("model.safetensors", SafetensorsBytes.Of(tensors, shift % 2 == 0 ? "null" : "{\"format\":\"pt\"}", shift));
            using Model model = ModelLoader.Load(_folder.Path);
            float[] row = Dequantizer.All(model.Weights.Layers[1].Down);
            first ??= row;
            Assert.Equal(first, row);
        }
    }

    [Fact]
    public void Types_shapes_and_names_of_weights_must_fit()
    {
        void With(Func<(string Name, string Type, long[] Shape, byte[] Data), (string, string, long[], byte[])> change, params string[] words)
        {
            _folder.Write("model.safetensors", SafetensorsBytes.Of(TinyModel.FolderTensors().Select(change)));
            Refused(words);
        }
        With(t => t.Name == "lm_head.weight" ? (t.Name, "F64", [1126, 4], t.Data) : t, "lm_head.weight", "F64");
        With(t => t.Name == "lm_head.weight" ? (t.Name, t.Type, [8, 1126], t.Data) : t, "lm_head.weight", "[8, 1126]");
        With(t => t.Name == "model.norm.weight" ? (t.Name, t.Type, [0], []) : t, "model.norm.weight", "empty");
        With(t => t.Name == "model.norm.weight" ? ("model.other", t.Type, t.Shape, t.Data) : t, "model.norm.weight", "missing");
        With(t => t.Name == "lm_head.weight" ? ("score.weight", t.Type, t.Shape, t.Data) : t, "lm_head.weight", "tie_word_embeddings");
        _folder.Write("model.safetensors", SafetensorsBytes.Of(TinyModel.FolderTensors().Append(("model.layers.0.self_attn.o_proj.bias", "F32", [8], new byte[32]))));
        Refused("model.layers.0.self_attn.o_proj.bias");
        _folder.Write("model.safetensors", SafetensorsBytes.Of(TinyModel.FolderTensors().Append(("model.layers.0.self_attn.rotary_emb.inv_freq", "F32", [2], new byte[8]))));
        ModelLoader.Load(_folder.Path).Dispose();
    }

    [Fact]
    public void A_tied_model_does_not_need_its_classifier_and_ignores_a_copy_of_it()
    {
        Config(("tie_word_embeddings", "true"));
        using (Model copy = ModelLoader.Load(_folder.Path)) Assert.Same(copy.Weights.Embedding, copy.Weights.Classifier);
        _folder.Write("model.safetensors", SafetensorsBytes.Of(TinyModel.FolderTensors().Where(t => t.Name != "lm_head.weight")));
        using (Model tied = ModelLoader.Load(_folder.Path)) Assert.Same(tied.Weights.Embedding, tied.Weights.Classifier);
    }

    [Fact]
    public void Shards_stay_inside_the_folder_and_may_be_links()
    {
        List<(string Name, string Type, long[] Shape, byte[] Data)> tensors = TinyModel.FolderTensors();
        using var blobs = new TemporaryFolder();
        File.Delete(_folder.At("model.safetensors"));
        Refused("model.safetensors", "neither");
        File.CreateSymbolicLink(_folder.At("a.safetensors"), blobs.Write("0123", SafetensorsBytes.Of(tensors.Take(10))));
        File.CreateSymbolicLink(_folder.At("b.safetensors"), blobs.Write("4567", SafetensorsBytes.Of(tensors.Skip(10))));
        string Index(Func<int, string> file) => "{\"weight_map\":{" + string.Join(",", tensors.Select((t, i) => $"\"{t.Name}\":\"{file(i)}\"")) + "}}";
        void With(string index, params string[] words)
        {
            _folder.Write("model.safetensors.index.json", index);
            Refused(words);
        }
        _folder.Write("model.safetensors.index.json", Index(i => i < 10 ? "a.safetensors" : "b.safetensors"));
        using (Model model = ModelLoader.Load(_folder.Path)) LoadAssert.Touch(model);
        With(Index(i => i < 10 ? "a.safetensors" : "../b.safetensors"), "weight_map", "../b.safetensors", "out of the folder");
        With(Index(i => i < 10 ? "a.safetensors" : blobs.At("4567")), "weight_map", "out of the folder");
        With(Index(i => i < 10 ? "a.safetensors" : "c.safetensors"), "weight_map", "c.safetensors");
        With(Index(i => i < 9 ? "a.safetensors" : "b.safetensors"), "b.safetensors", tensors[9].Name, "missing");
        With("{\"weight_map\":[]}", "weight_map");
        With("{\"weight_map\":{}}", "weight_map", "empty");
        With("{\"weight_map\":{\"a\":1}}", "weight_map", "no file name");
        With("{", "index", "no valid JSON");
    }

    /// <summary>The hub's cache: snapshots/x/FILE -> ../../blobs/HASH, and the snapshot under a name of its own.</summary>
    [SkippableFact]
    public void Relative_links_count_from_where_their_folder_really_is()
    {
        Skip.If(OperatingSystem.IsWindows(), "links need rights there");
        using var hub = new TemporaryFolder();
        Directory.CreateDirectory(hub.At("blobs"));
        Directory.CreateDirectory(hub.At("snapshots/x"));
        foreach ((string name, byte[] bytes) in TinyModel.Folder())
        {
            hub.Write("blobs/" + name.Length, bytes);
            File.CreateSymbolicLink(hub.At("snapshots/x/" + name), "../../blobs/" + name.Length);
        }
        Directory.CreateSymbolicLink(_folder.At("model"), hub.At("snapshots/../snapshots/x"));
        Directory.CreateSymbolicLink(_folder.At("again"), "model");
        foreach (string path in new[] { hub.At("snapshots/x"), _folder.At("model"), _folder.At("again") + "/" }) ModelLoader.Load(path).Dispose();
        File.Delete(hub.At("blobs/" + "config.json".Length));
        LoadAssert.Refused(_folder.At("model"), "config.json", "leads nowhere");
        File.CreateSymbolicLink(hub.At("a"), "b");
        File.CreateSymbolicLink(hub.At("b"), "a");
        Assert.Throws<ModelFormatException>(() => ModelLoader.Load(hub.At("a")));
    }

    [Fact]
    public void A_folder_that_is_no_model_says_what_is_missing()
    {
        File.Delete(_folder.At("config.json"));
        Refused("config.json", "no such file");
        Restore();
        File.Delete(_folder.At("model.safetensors"));
        _folder.Write("pytorch_model.bin", "x");
        Refused("model.safetensors", "convert pytorch_model.bin");
        Directory.CreateDirectory(_folder.At("model.safetensors"));
        Refused("model.safetensors");
    }
}
