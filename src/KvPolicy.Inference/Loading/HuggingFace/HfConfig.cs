using System.Text.Json;
using KvPolicy.Inference.Models;

namespace KvPolicy.Inference.Loading.HuggingFace;

/// <summary>
/// config.json to the numbers of a model. Keys that the reference implementation of a model_type reads are supported, or refused unless they have
/// the value
/// that changes nothing; others have no effect there and none here.
/// </summary>
internal static class HfConfig
{
    internal const string FileName = "config.json";

    /// <summary>Window of a Mistral whose config does not mention it, as in the reference implementation.</summary>
    private const int MistralWindow = 4096;

    /// <summary>Numbers, and whether the embedding is the classifier.</summary>
    internal static (ModelConfig Config, bool Tied) Read(ModelFolder folder)
    {
        if (!folder.Has(FileName))
        {
            throw LoadError.Of(folder.Name, FileName, "the folder has no such file", "name a folder with config.json, safetensors and a tokenizer");
        }
        string file = folder.Describe(FileName);
        return JsonText.Read(file, "config", folder.ReadAllBytes(FileName), root => root.ValueKind == JsonValueKind.Object
            ? Read(new HfJson(file, root))
            : throw LoadError.Damaged(file, "config", "is no JSON object"));
    }

    private static (ModelConfig Config, bool Tied) Read(HfJson json)
    {
        Architecture architecture = ReadArchitecture(json);
        RefuseUnsupported(json, architecture);
        int heads = json.NeedInt("num_attention_heads");
        int hidden = json.NeedInt("hidden_size");
        double theta = HfRope.Theta(json);
        ModelConfig config = new()
        {
            Architecture = architecture,
            VocabularySize = json.NeedInt("vocab_size"),
            HiddenSize = hidden,
            FeedForwardSize = json.NeedInt("intermediate_size"),
            Layers = json.NeedInt("num_hidden_layers"),
            QueryHeads = heads,
            // Configs from before grouped queries do not have the key; those of the later families always do.
            KvHeads = json.Int("num_key_value_heads") ?? (architecture == Architecture.Llama ? heads : json.NeedInt("num_key_value_heads")),
            HeadDim = json.Int("head_dim") ?? HeadDim(json, hidden, heads),
            ContextLength = json.NeedInt("max_position_embeddings"),
            RmsEpsilon = (float)json.NeedNumber("rms_norm_eps"),
            RopeTheta = (float)theta,
            RopePairing = RopePairing.Halves,
        };
        config = config with { SlidingWindow = SlidingWindow(json, config) };
        ConfigCheck.Validate(json.File, config);
        config = config with { RopeDivisors = HfRope.Divisors(json, theta, config.HeadDim) };
        ConfigCheck.Validate(json.File, config);
        return (config, json.Bool("tie_word_embeddings") ?? false);
    }

    private static Architecture ReadArchitecture(HfJson json)
    {
        string type = json.NeedString("model_type");
        Architecture architecture = type switch
        {
            "llama" => Architecture.Llama,
            "mistral" => Architecture.Mistral,
            "qwen2" => Architecture.Qwen2,
            "qwen3" => Architecture.Qwen3,
            _ => throw LoadError.Of(json.File, "model_type", $"\"{LoadError.Printable(type)}\" is not supported",
                "use a model of llama, mistral, qwen2 or qwen3"),
        };
        IReadOnlyList<string>? heads = json.Strings("architectures");
        if (heads is { Count: > 0 } && !heads.Any(h => h.EndsWith("ForCausalLM", StringComparison.Ordinal)))
        {
            throw LoadError.Of(json.File, "architectures", $"{LoadError.Printable(heads[0])} does not generate text", "use a ...ForCausalLM model");
        }
        return architecture;
    }

    private static void RefuseUnsupported(HfJson json, Architecture architecture)
    {
        // Qwen2 has its three biases whatever the key says.
        if (architecture != Architecture.Qwen2) json.OnlyFalse("attention_bias");
        json.OnlyFalse("mlp_bias");
        json.OnlyFalse("rope_interleaved");
        json.Only("partial_rotary_factor", 1);
        string[] foreign = ["quantization_config", "num_local_experts", "num_experts", "n_routed_experts", "no_rope_layers", "attention_chunk_size",
            "attn_logit_softcapping", "final_logit_softcapping", "clip_qkv"];
        foreach (string key in foreign)
        {
            if (json.Has(key) && !json.IsNothing(key)) throw json.Unsupported(key, "this feature");
        }
        string activation = json.String("hidden_act") ?? "silu";
        if (activation is not ("silu" or "swish")) throw json.Unsupported("hidden_act", $"\"{LoadError.Printable(activation)}\"");
        if (json.Object("auto_map")?.Has("AutoModelForCausalLM") == true) throw json.Unsupported("auto_map", "a model with code of its own");
    }

    private static int HeadDim(HfJson json, int hidden, int heads)
    {
        if (heads > 0 && hidden % heads == 0) return hidden / heads;
        throw json.Invalid("num_attention_heads", $"{heads} heads do not divide the width {hidden}");
    }

    private static int SlidingWindow(HfJson json, ModelConfig config)
    {
        int window = config.Architecture switch
        {
            Architecture.Mistral => json.Has("sliding_window") ? json.NeedInt("sliding_window") : MistralAbsent(json),
            Architecture.Llama => json.Has("sliding_window") ? throw json.Unsupported("sliding_window", "a window on a llama") : 0,
            _ => json.Bool("use_sliding_window") == true ? json.NeedInt("sliding_window") : 0,
        };
        if (window < 0) throw json.Invalid("sliding_window", $"{window} is negative");
        return json.Strings("layer_types") is { } types
            ? OfLayerTypes(json, types, window, config.Layers)
            : OfLayerCount(json, window, config);
    }

    // null says that there is no window; a config without the key has the family's default.
    private static int MistralAbsent(HfJson json) => json.IsNull("sliding_window") ? 0 : MistralWindow;

    private static int OfLayerTypes(HfJson json, IReadOnlyList<string> types, int window, int layers)
    {
        if (types.Count != layers) throw json.Invalid("layer_types", $"{types.Count} entries for {layers} layers");
        if (types.All(t => t == "full_attention")) return 0;
        if (types.All(t => t == "sliding_attention"))
        {
            return window > 0 ? window : throw json.Invalid("sliding_window", "is missing, but layer_types ask for it");
        }
        throw json.Unsupported("layer_types", "attention that differs from layer to layer");
    }

    // Qwen's older form: the first max_window_layers layers see everything, the others the window.
    private static int OfLayerCount(HfJson json, int window, ModelConfig config)
    {
        if (window == 0 || config.Architecture == Architecture.Mistral) return window;
        int full = json.NeedInt("max_window_layers");
        if (full >= config.Layers) return 0;
        return full <= 0 ? window : throw json.Unsupported("max_window_layers", "a window on some of the layers");
    }
}
