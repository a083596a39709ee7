namespace KvPolicy.Inference.Loading;

/// <summary>What a file format calls the tensors of a decoder; those of a layer begin with its prefix.</summary>
internal sealed record WeightNames
{
    internal required string Embedding { get; init; }
    internal required string OutputNorm { get; init; }
    internal required string Classifier { get; init; }
    internal required string LayerPrefix { get; init; }
    internal required string AttentionNorm { get; init; }
    internal required string Query { get; init; }
    internal required string Key { get; init; }
    internal required string Value { get; init; }
    internal required string AttentionOutput { get; init; }
    internal required string QueryNorm { get; init; }
    internal required string KeyNorm { get; init; }
    internal required string FeedForwardNorm { get; init; }
    internal required string Gate { get; init; }
    internal required string Up { get; init; }
    internal required string Down { get; init; }

    /// <summary>GGUF's names.</summary>
    internal static WeightNames Gguf { get; } = new()
    {
        Embedding = "token_embd.weight",
        OutputNorm = "output_norm.weight",
        Classifier = "output.weight",
        LayerPrefix = "blk.",
        AttentionNorm = "attn_norm",
        Query = "attn_q",
        Key = "attn_k",
        Value = "attn_v",
        AttentionOutput = "attn_output",
        QueryNorm = "attn_q_norm",
        KeyNorm = "attn_k_norm",
        FeedForwardNorm = "ffn_norm",
        Gate = "ffn_gate",
        Up = "ffn_up",
        Down = "ffn_down",
    };

    /// <summary>Names in a Hugging Face folder.</summary>
    internal static WeightNames HuggingFace { get; } = new()
    {
        Embedding = "model.embed_tokens.weight",
        OutputNorm = "model.norm.weight",
        Classifier = "lm_head.weight",
        LayerPrefix = "model.layers.",
        AttentionNorm = "input_layernorm",
        Query = "self_attn.q_proj",
        Key = "self_attn.k_proj",
        Value = "self_attn.v_proj",
        AttentionOutput = "self_attn.o_proj",
        QueryNorm = "self_attn.q_norm",
        KeyNorm = "self_attn.k_norm",
        FeedForwardNorm = "post_attention_layernorm",
        Gate = "mlp.gate_proj",
        Up = "mlp.up_proj",
        Down = "mlp.down_proj",
    };
}
