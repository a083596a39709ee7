namespace KvPolicy;

/// <summary>
/// Tensors of one or several attention layers for <see cref="TensorScorer"/>, row-major, RoPE applied already. Query head h belongs to KV
/// head h / (queryHeads / kvHeads); row and key i stand at place i of the sequence and attention is causal.
/// </summary>
public sealed record TensorInput
{
    /// <summary>Layers; 1 for a single one.</summary>
    public int Layers { get; init; } = 1;

    /// <summary>Query heads; a multiple of <see cref="KvHeads"/>.</summary>
    public required int QueryHeads { get; init; }

    /// <summary>KV heads.</summary>
    public required int KvHeads { get; init; }

    /// <summary>Tokens.</summary>
    public required int Length { get; init; }

    /// <summary>Channels of a head.</summary>
    public required int HeadDim { get; init; }

    /// <summary>[layers, queryHeads, length, headDim]</summary>
    public required ReadOnlyMemory<float> Queries { get; init; }

    /// <summary>[layers, kvHeads, length, headDim]</summary>
    public required ReadOnlyMemory<float> Keys { get; init; }

    /// <summary>[layers, kvHeads, length, headDim]</summary>
    public required ReadOnlyMemory<float> Values { get; init; }

    /// <summary>[length] shot of each token, -1 for none; null where the prompt has no shots.</summary>
    public IReadOnlyList<int>? Shots { get; init; }

    /// <summary>[length] rotary position of each token, for policies that read keys before RoPE; null for 0 .. length - 1. Order and protection go by place, not by these.</summary>
    public IReadOnlyList<int>? Positions { get; init; }

    /// <summary>Checks that all shapes agree.</summary>
    /// <exception cref="ArgumentException">One does not; the message names it and what was expected.</exception>
    internal void Validate()
    {
        foreach ((string name, int size) in new[] { ("Layers", Layers), ("QueryHeads", QueryHeads), ("KvHeads", KvHeads), ("Length", Length), ("HeadDim", HeadDim) })
        {
            if (size < 1) throw new ArgumentException($"{name} is {size}: at least 1 is needed.");
        }

        if (QueryHeads % KvHeads != 0) throw new ArgumentException($"{QueryHeads} query heads cannot share {KvHeads} KV heads evenly: make one a multiple of the other.");
        Check("queries", Queries.Length, QueryHeads);
        Check("keys", Keys.Length, KvHeads);
        Check("values", Values.Length, KvHeads);
        if (Shots is { } shots && shots.Count != Length) throw new ArgumentException($"shots has {shots.Count} numbers for {Length} tokens: one for each is needed.");
        if (Positions is { } positions && positions.Count != Length) throw new ArgumentException($"positions has {positions.Count} numbers for {Length} tokens: one for each is needed.");
    }

    private void Check(string name, int length, int heads)
    {
        long expected = (long)Layers * heads * Length * HeadDim;
        if (length != expected) throw new ArgumentException($"{name} has {length} numbers, not [{Layers}, {heads}, {Length}, {HeadDim}] = {expected}.");
    }
}

/// <summary>What a policy made of a <see cref="TensorInput"/>.</summary>
public sealed record TensorScores
{
    /// <summary>[layers, kvHeads, length]: scores after pooling and aggregation, before protection; a unit's score at each of its tokens. NaN where the policy has none and for decoded tokens.</summary>
    public required float[] Scores { get; init; }

    /// <summary>[layers, kvHeads, length]: 1 for what stayed after the prefill; 0 for decoded tokens.</summary>
    public required byte[] Kept { get; init; }

    /// <summary>[steps, layers, kvHeads, length]: 1 for what stayed after each decode step.</summary>
    public required byte[] KeptSteps { get; init; }

    /// <summary>What a user should know: <c>the prompt has no shots: it is kept whole</c>.</summary>
    public required IReadOnlyList<string> Notes { get; init; }

    /// <summary>The passes that ran.</summary>
    public required IReadOnlyList<KernelCount> Kernels { get; init; }
}
