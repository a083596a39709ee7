using System.Globalization;
using KvPolicy.Inference.Models;

namespace KvPolicy.Inference.Loading.Gguf;

/// <summary>
/// The numbers of a model out of GGUF metadata. A key of the architecture that is not understood is refused, as it may change what the model
/// computes.
/// </summary>
internal sealed class GgufConfig
{
    private static readonly HashSet<string> Understood = new(StringComparer.Ordinal)
    {
        "block_count", "context_length", "embedding_length", "feed_forward_length", "vocab_size",
        "attention.head_count", "attention.head_count_kv", "attention.key_length", "attention.value_length",
        "attention.layer_norm_rms_epsilon", "attention.sliding_window",
        "rope.freq_base", "rope.dimension_count", "rope.scale_linear", "rope.scaling.type", "rope.scaling.factor",
        // Read only to be refused where they would have an effect.
        "expert_count", "expert_used_count", "attention.causal", "rope.scaling.attn_factor",
        // Of no effect: notes by the converter, the epsilon of norms that these families have not, and the length before a scaling that is
        // described elsewhere.
        "tensor_data_layout", "attention.layer_norm_epsilon", "rope.scaling.original_context_length", "rope.scaling.finetuned",
    };

    private readonly string _file;
    private readonly string _prefix;
    private readonly GgufMetadata _metadata;
    private readonly Architecture _architecture;

    private GgufConfig(GgufFile file)
    {
        _file = file.Path;
        _metadata = file.Metadata;
        if (!_metadata.TryGetString("general.architecture", out string name))
        {
            throw LoadError.Of(_file, "general.architecture", "the key is missing", "convert the model again");
        }
        _prefix = name + ".";
        _architecture = name switch
        {
            "llama" => Architecture.Llama,
            "mistral" => Architecture.Mistral,
            "qwen2" => Architecture.Qwen2,
            "qwen3" => Architecture.Qwen3,
            _ => throw LoadError.Of(_file, "general.architecture", $"\"{LoadError.Printable(name)}\" is not supported",
                "use a model of llama, qwen2 or qwen3"),
        };
    }

    /// <summary>Reads and checks the numbers.</summary>
    /// <param name="file">The (first) file.</param>
    /// <param name="table">All tensors; the vocabulary's size is the embedding's, and rope_freqs.weight is taken from here.</param>
    internal static ModelConfig Read(GgufFile file, TensorTable table) => new GgufConfig(file).Read(table);

    private ModelConfig Read(TensorTable table)
    {
        RefuseUnknownKeys();
        int heads = PerLayer("attention.head_count", null);
        int hidden = Number("embedding_length", null);
        ModelConfig config = new()
        {
            Architecture = _architecture,
            VocabularySize = Vocabulary(table),
            HiddenSize = hidden,
            FeedForwardSize = PerLayer("feed_forward_length", null),
            Layers = Number("block_count", null),
            QueryHeads = heads,
            KvHeads = PerLayer("attention.head_count_kv", heads),
            HeadDim = HeadDim(hidden, heads),
            ContextLength = Number("context_length", null),
            RmsEpsilon = Required("attention.layer_norm_rms_epsilon"),
            RopeTheta = _metadata.TryGetFloat(_prefix + "rope.freq_base", out float theta) ? theta : 10000f,
            // The rows of q and k of architecture llama are permuted so that its pairs are neighbours.
            RopePairing = _architecture is Architecture.Llama or Architecture.Mistral ? RopePairing.Neighbours : RopePairing.Halves,
            SlidingWindow = Number("attention.sliding_window", 0),
        };
        ConfigCheck.Validate(_file, config);
        config = config with { RopeDivisors = Divisors(table, config.HeadDim) };
        ConfigCheck.Validate(_file, config);
        return config;
    }

    private void RefuseUnknownKeys()
    {
        foreach (string key in _metadata.Keys)
        {
            if (!key.StartsWith(_prefix, StringComparison.Ordinal) || Understood.Contains(key[_prefix.Length..])) continue;
            throw LoadError.Of(_file, key, "the engine does not know this key, which may change what the model computes", "use a model without it");
        }
        if (Number("expert_count", 0) > 0 || Number("expert_used_count", 0) > 0)
        {
            throw LoadError.Of(_file, _prefix + "expert_count", "mixtures of experts are not supported", "use a dense model");
        }
        if (_metadata.TryGetBool(_prefix + "attention.causal", out bool causal) && !causal)
        {
            throw LoadError.Of(_file, _prefix + "attention.causal", "attention to later positions is not supported", "use a decoder");
        }
    }

    private int Vocabulary(TensorTable table)
    {
        IReadOnlyList<long> shape = table.ShapeOf(WeightNames.Gguf.Embedding);
        int rows = (int)shape[0];
        int announced = Number("vocab_size", rows);
        if (announced == rows) return rows;
        throw LoadError.Damaged(_file, _prefix + "vocab_size", $"is {announced}, but the embedding has {rows} rows");
    }

    private int HeadDim(int hidden, int heads)
    {
        if (heads <= 0) throw LoadError.Damaged(_file, _prefix + "attention.head_count", "is 0");
        int key = Number("attention.key_length", 0);
        if (key == 0)
        {
            if (hidden % heads != 0)
            {
                throw LoadError.Damaged(_file, _prefix + "attention.head_count", $"{heads} heads do not divide the width {hidden}");
            }
            key = hidden / heads;
        }
        int value = Number("attention.value_length", key);
        if (value != key)
        {
            throw LoadError.Of(_file, _prefix + "attention.value_length", $"values of {value} channels beside keys of {key} are not supported",
                "use another model");
        }
        int rotated = Number("rope.dimension_count", key);
        if (rotated != key)
        {
            throw LoadError.Of(_file, _prefix + "rope.dimension_count", $"RoPE on {rotated} of {key} channels is not supported", "use another model");
        }
        return key;
    }

    private float[]? Divisors(TensorTable table, int headDim)
    {
        float linear = LinearFactor();
        float[]? divisors = null;
        if (table.Has("rope_freqs.weight"))
        {
            divisors = Dequantizer.All(table.Vector("rope_freqs.weight", headDim / 2));
        }
        if (linear == 1) return divisors;
        divisors ??= [.. Enumerable.Repeat(1f, headDim / 2)];
        return [.. divisors.Select(d => d * linear)];
    }

    // Linear scaling divides every frequency (that is, every position) by one factor.
    private float LinearFactor()
    {
        if (_metadata.TryGetFloat(_prefix + "rope.scaling.attn_factor", out float attention) && attention != 1)
        {
            throw LoadError.Of(_file, _prefix + "rope.scaling.attn_factor", "scaled attention is not supported", "use another model");
        }
        string type = _metadata.TryGetString(_prefix + "rope.scaling.type", out string given) ? given : "linear";
        if (type == "none") return 1;
        if (type != "linear")
        {
            throw LoadError.Of(_file, _prefix + "rope.scaling.type", $"\"{LoadError.Printable(type)}\" is not supported",
                "use a model with linear, llama3 or no RoPE scaling");
        }
        if (!_metadata.TryGetFloat(_prefix + "rope.scaling.factor", out float factor)
            && !_metadata.TryGetFloat(_prefix + "rope.scale_linear", out factor)) return 1;
        return factor == 0 ? 1 : factor;
    }

    private float Required(string key) => _metadata.TryGetFloat(_prefix + key, out float value)
        ? value
        : throw LoadError.Of(_file, _prefix + key, "the key is missing", "convert the model again");

    /// <summary>A number that may be given once, or once a layer; layers that differ are refused.</summary>
    private int PerLayer(string key, int? absent)
    {
        if (!_metadata.IsArray(_prefix + key)) return Number(key, absent);
        int[] values = _metadata.GetIntArray(_prefix + key)!;
        if (values.Length == 0) throw LoadError.Damaged(_file, _prefix + key, "is empty");
        if (values.All(v => v == values[0])) return values[0];
        throw LoadError.Of(_file, _prefix + key, "differs from layer to layer, which is not supported", "use another model");
    }

    private int Number(string key, int? absent)
    {
        if (!_metadata.TryGetUInt(_prefix + key, out uint value))
        {
            return absent ?? throw LoadError.Of(_file, _prefix + key, "the key is missing", "convert the model again");
        }
        return value <= int.MaxValue
            ? (int)value
            : throw LoadError.Damaged(_file, _prefix + key, string.Create(CultureInfo.InvariantCulture, $"{value} is too large"));
    }
}
