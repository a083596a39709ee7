namespace KvPolicy.Inference.Sessions;

/// <summary>What a session is beside its cache.</summary>
internal sealed record SessionState
{
    /// <summary>All tokens; at least <see cref="Length"/>, at most one more.</summary>
    public required int[] Ids { get; init; }

    /// <summary>[ids] shot of each token, -1 outside; empty without shots.</summary>
    public required int[] Shots { get; init; }

    /// <summary>Most tokens.</summary>
    public required int Capacity { get; init; }

    /// <summary>Tokens that went through the cache.</summary>
    public required int Length { get; init; }

    /// <summary>Tokens when everything was last brought to the prompt's budget.</summary>
    public required int Prompt { get; init; }

    /// <summary>[vocabulary] what the next token is drawn from; null where the last id waits to be decoded.</summary>
    public required float[]? Logits { get; init; }
}
