namespace KvPolicy;

/// <summary>
/// Runs a policy on tensors instead of a model: the same cache and the same compressor as the engine's, so that a policy can be unit-tested
/// alone.
/// </summary>
/// <example><c>TensorScores result = TensorScorer.Run(new SnapKv { Keep = 0.25 }, input);</c></example>
public static class TensorScorer
{
    /// <summary>Prefills all but the last <paramref name="decodeSteps"/> tokens, compresses, and decodes the rest one by one.</summary>
    /// <param name="policy">The policy.</param>
    /// <param name="input">Tensors.</param>
    /// <param name="decodeSteps">Rows that are decoded, from 0 to length - 1.</param>
    /// <param name="workers">Threads to use; null for threads of its own.</param>
    /// <exception cref="ArgumentException">A shape does not fit the others, or no token is left for the prefill.</exception>
    public static TensorScores Run(IKvPolicy policy, TensorInput input, int decodeSteps = 0, WorkerPool? workers = null)
    {
        ArgumentNullException.ThrowIfNull(policy);
        ArgumentNullException.ThrowIfNull(input);
        input.Validate();
        if (decodeSteps < 0 || decodeSteps >= input.Length)
            throw new ArgumentException($"{decodeSteps} of {input.Length} rows cannot be decoded: 0 to {input.Length - 1} leave a prompt.", nameof(decodeSteps));
        if (workers is not null) return RunOn(policy, input, decodeSteps, workers);
        using var own = new WorkerPool();
        return RunOn(policy, input, decodeSteps, own);
    }

    private static TensorScores RunOn(IKvPolicy policy, TensorInput input, int steps, WorkerPool workers)
    {
        int prompt = input.Length - steps, size = input.Layers * input.KvHeads * input.Length;
        var shape = new KvShape(input.Layers, input.QueryHeads, input.KvHeads, input.HeadDim);
        using var cache = new KvCache(shape, input.Length, policy.Plan.HasState);
        SequenceCompressor compressor = HostCompression.Create(policy, cache, new PromptShape(prompt, [.. (input.Shots ?? []).Take(prompt)]), workers);
        var recorded = new float[input.Layers * input.KvHeads * prompt];
        recorded.AsSpan().Fill(float.NaN);
        compressor.ScoreRecord = recorded;
        var attention = new TileAttention(input, cache, workers);
        for (int layer = 0; layer < input.Layers; layer++)
        {
            attention.Append(layer, 0, prompt);
            compressor.PrefillLayer(attention.Prefill(layer, compressor.FirstObservedRow, prompt));
        }

        compressor.FinishPrefill();
        var kept = new byte[size];
        Mark(cache, input, kept);
        var keptSteps = new byte[steps * size];
        for (int step = 0; step < steps; step++)
        {
            for (int layer = 0; layer < input.Layers; layer++)
            {
                attention.Append(layer, prompt + step, prompt + step + 1);
                compressor.DecodeLayer(attention.Decode(layer, prompt + step, compressor.ReadsDecodeAttention));
            }

            Mark(cache, input, keptSteps.AsSpan(step * size, size));
        }

        return new() { Scores = Widen(recorded, prompt, input.Length), Kept = kept, KeptSteps = keptSteps, Notes = compressor.Notes, Kernels = compressor.Kernels };
    }

    /// <summary>The columns of decoded tokens, where no prefill score can be.</summary>
    private static float[] Widen(float[] scores, int prompt, int length)
    {
        if (prompt == length) return scores;
        var wide = new float[scores.Length / prompt * length];
        wide.AsSpan().Fill(float.NaN);
        for (int row = 0; row < scores.Length / prompt; row++) scores.AsSpan(row * prompt, prompt).CopyTo(wide.AsSpan(row * length));
        return wide;
    }

    private static void Mark(KvCache cache, TensorInput input, Span<byte> kept)
    {
        Span<int> positions = new int[input.Length];
        for (int layer = 0; layer < input.Layers; layer++)
        {
            for (int head = 0; head < input.KvHeads; head++)
            {
                Span<byte> row = kept.Slice((layer * input.KvHeads + head) * input.Length, input.Length);
                Span<int> held = positions[..cache.Held(layer, head)];
                cache.CopyPositions(layer, head, held);
                foreach (int position in held) row[position] = 1;
            }
        }
    }
}
