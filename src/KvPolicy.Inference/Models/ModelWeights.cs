namespace KvPolicy.Inference.Models;

/// <summary>Weights of one decoder layer. Shapes: [outputs, inputs].</summary>
internal sealed record LayerWeights
{
    /// <summary>[hidden]</summary>
    public required ModelTensor AttentionNorm { get; init; }

    /// <summary>[queryHeads * headDim, hidden]</summary>
    public required ModelTensor Query { get; init; }

    /// <summary>[kvHeads * headDim, hidden]</summary>
    public required ModelTensor Key { get; init; }

    /// <summary>[kvHeads * headDim, hidden]</summary>
    public required ModelTensor Value { get; init; }

    /// <summary>[hidden, queryHeads * headDim]</summary>
    public required ModelTensor AttentionOutput { get; init; }

    /// <summary>[queryHeads * headDim]; Qwen2.</summary>
    public ModelTensor? QueryBias { get; init; }

    /// <summary>[kvHeads * headDim]; Qwen2.</summary>
    public ModelTensor? KeyBias { get; init; }

    /// <summary>[kvHeads * headDim]; Qwen2.</summary>
    public ModelTensor? ValueBias { get; init; }

    /// <summary>[headDim]; Qwen3.</summary>
    public ModelTensor? QueryNorm { get; init; }

    /// <summary>[headDim]; Qwen3.</summary>
    public ModelTensor? KeyNorm { get; init; }

    /// <summary>[hidden]</summary>
    public required ModelTensor FeedForwardNorm { get; init; }

    /// <summary>[feedForward, hidden]</summary>
    public required ModelTensor Gate { get; init; }

    /// <summary>[feedForward, hidden]</summary>
    public required ModelTensor Up { get; init; }

    /// <summary>[hidden, feedForward]</summary>
    public required ModelTensor Down { get; init; }
}

/// <summary>Every weight of a model, mapped from its files.</summary>
internal sealed record ModelWeights
{
    /// <summary>[vocabulary, hidden]</summary>
    public required ModelTensor Embedding { get; init; }

    /// <summary>One entry a layer.</summary>
    public required IReadOnlyList<LayerWeights> Layers { get; init; }

    /// <summary>[hidden]</summary>
    public required ModelTensor OutputNorm { get; init; }

    /// <summary>[vocabulary, hidden]; the embedding itself where it is tied.</summary>
    public required ModelTensor Classifier { get; init; }
}
