namespace KvPolicy.Inference.Models;

/// <summary>Families of decoder that the engine runs.</summary>
public enum Architecture
{
    /// <summary>Llama 2 and 3, SmolLM2, and everything that is shaped like them.</summary>
    Llama,

    /// <summary>Llama's shape with a sliding attention window.</summary>
    Mistral,

    /// <summary>Llama's shape with biases on q, k and v.</summary>
    Qwen2,

    /// <summary>Llama's shape with an RMS norm over each head of q and k before RoPE.</summary>
    Qwen3,
}

/// <summary>Which two channels of a head RoPE turns together.</summary>
public enum RopePairing
{
    /// <summary>Channels i and i + headDim / 2 (Hugging Face folders; Qwen in GGUF).</summary>
    Halves,

    /// <summary>Channels 2i and 2i + 1 (llama2.c; GGUF of architecture llama, whose q and k rows are permuted for it).</summary>
    Neighbours,
}

/// <summary>The numbers of a model, from whichever file format. Immutable.</summary>
public sealed record ModelConfig
{
    /// <summary>The family.</summary>
    public required Architecture Architecture { get; init; }

    /// <summary>Rows of the embedding.</summary>
    public required int VocabularySize { get; init; }

    /// <summary>Width of the residual stream.</summary>
    public required int HiddenSize { get; init; }

    /// <summary>Width inside the SwiGLU feed-forward.</summary>
    public required int FeedForwardSize { get; init; }

    /// <summary>Decoder layers.</summary>
    public required int Layers { get; init; }

    /// <summary>Query heads.</summary>
    public required int QueryHeads { get; init; }

    /// <summary>KV heads; divides <see cref="QueryHeads"/>.</summary>
    public required int KvHeads { get; init; }

    /// <summary>Channels of a head; need not be HiddenSize / QueryHeads (Qwen3).</summary>
    public required int HeadDim { get; init; }

    /// <summary>Longest sequence, in tokens.</summary>
    public required int ContextLength { get; init; }

    /// <summary>Epsilon inside the root of every RMS norm.</summary>
    public required float RmsEpsilon { get; init; }

    /// <summary>RoPE base.</summary>
    public required float RopeTheta { get; init; }

    /// <summary>Channel pairing of RoPE in the stored q and k rows.</summary>
    public required RopePairing RopePairing { get; init; }

    /// <summary>[headDim / 2] factors that each RoPE frequency is DIVIDED by (llama3 scaling, rope_freqs.weight); null for none.</summary>
    public float[]? RopeDivisors { get; init; }

    /// <summary>Position i sees j where i - j is below this; 0 means all (no sliding window).</summary>
    public int SlidingWindow { get; init; }

    /// <summary>Query heads that share one KV head.</summary>
    public int GroupSize => QueryHeads / KvHeads;
}
