namespace KvPolicy.Inference;

/// <summary>How a session is set up.</summary>
public sealed record SessionOptions
{
    /// <summary>Most tokens of a session whose <see cref="Capacity"/> is left out: some buffers grow with the capacity, used or not.</summary>
    public const int DefaultCapacity = 32_768;

    /// <summary>The policy that compresses its cache, or null for a full one.</summary>
    public IKvPolicy? Policy { get; init; }

    /// <summary>Most tokens of all turns together, evicted ones counted, up to the model's context. 0: the context, but no more than <see cref="DefaultCapacity"/>; for a session from a file, as it was.</summary>
    public int Capacity { get; init; }

    /// <summary>Order of the first turn's prefill; later turns are compressed layer by layer.</summary>
    public PrefillSchedule Schedule { get; init; }

    /// <summary>Rows of a prefill chunk; 0 for the engine's own. Under <see cref="PrefillSchedule.LayerMajor"/> it changes no result.</summary>
    public int ChunkRows { get; init; }
}

/// <summary>How one turn of a session goes.</summary>
public sealed record TurnOptions
{
    /// <summary>Most tokens to generate; 0 only feeds the new ones.</summary>
    public int MaxTokens { get; init; } = 256;

    /// <summary>How tokens are drawn; each turn begins with its seed.</summary>
    public SamplingOptions Sampling { get; init; } = new();

    /// <summary>[new tokens] number of each new token's shot, -1 outside; empty where the turn has none. The numbers are the turn's own: shots of different turns are different shots.</summary>
    public IReadOnlyList<int> Shots { get; init; } = [];

    /// <summary>Texts that end the generation where they first appear; they are not part of the result.</summary>
    public IReadOnlyList<string> StopSequences { get; init; } = [];

    /// <summary>Receives the share of the first turn's prefill that is done, 0 to 1; null for nobody.</summary>
    public Action<double>? Progress { get; init; }

    /// <summary>Receives text as it comes, in whole characters; null for nobody. Where it throws, the generation ends, and the session can go on.</summary>
    public Action<string>? OnText { get; init; }
}
