namespace KvPolicy.Training.Model;

/// <summary>What a parameter is to initialisation and optimiser.</summary>
internal enum ParameterKind
{
    Embedding,
    Head,
    Norm,

    /// <summary>Query, key, value, gate, up: read the residual stream.</summary>
    Reader,

    /// <summary>Attention output and down projection: write to the residual stream.</summary>
    Writer,
}

/// <summary>A parameter's name in a Hugging Face folder and its shape, [rows, columns] or [rows].</summary>
/// <param name="Name">As transformers names it.</param>
/// <param name="Kind">What it is.</param>
/// <param name="Shape">One or two sizes; a matrix maps columns to rows.</param>
internal sealed record ParameterSpec(string Name, ParameterKind Kind, params long[] Shape)
{
    internal const string EmbeddingName = "model.embed_tokens.weight";
    internal const string HeadName = "lm_head.weight";
    internal const string FinalNormName = "model.norm.weight";

    internal long Count => Shape.Aggregate(1L, (a, b) => a * b);

    /// <summary>True for the 28 matrices of the layers.</summary>
    internal bool IsLayerMatrix => Kind is ParameterKind.Reader or ParameterKind.Writer;

    /// <summary>All parameters in the order in which they are initialised.</summary>
    /// <param name="vocabulary">Rows of embedding and head.</param>
    internal static List<ParameterSpec> All(int vocabulary)
    {
        const int H = TinyModel.Hidden;
        const int Kv = TinyModel.KvHeads * TinyModel.HeadSize;
        List<ParameterSpec> all = [new(EmbeddingName, ParameterKind.Embedding, vocabulary, H)];
        for (int layer = 0; layer < TinyModel.Layers; layer++)
        {
            all.Add(new(InLayer(layer, "input_layernorm"), ParameterKind.Norm, H));
            all.Add(new(InLayer(layer, "self_attn.q_proj"), ParameterKind.Reader, H, H));
            all.Add(new(InLayer(layer, "self_attn.k_proj"), ParameterKind.Reader, Kv, H));
            all.Add(new(InLayer(layer, "self_attn.v_proj"), ParameterKind.Reader, Kv, H));
            all.Add(new(InLayer(layer, "self_attn.o_proj"), ParameterKind.Writer, H, H));
            all.Add(new(InLayer(layer, "post_attention_layernorm"), ParameterKind.Norm, H));
            all.Add(new(InLayer(layer, "mlp.gate_proj"), ParameterKind.Reader, TinyModel.FeedForward, H));
            all.Add(new(InLayer(layer, "mlp.up_proj"), ParameterKind.Reader, TinyModel.FeedForward, H));
            all.Add(new(InLayer(layer, "mlp.down_proj"), ParameterKind.Writer, H, TinyModel.FeedForward));
        }

        all.Add(new(FinalNormName, ParameterKind.Norm, H));
        all.Add(new(HeadName, ParameterKind.Head, vocabulary, H));
        return all;
    }

    internal static string InLayer(int layer, string part) =>
        string.Create(System.Globalization.CultureInfo.InvariantCulture, $"model.layers.{layer}.{part}.weight");
}
