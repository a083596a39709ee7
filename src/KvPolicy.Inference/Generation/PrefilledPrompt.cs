using KvPolicy.Inference.Engine;

namespace KvPolicy.Inference;

/// <summary>
/// A prompt that was run once with a full cache: its keys and values, and the queries and log-sum-exp of every row and layer. Policies
/// compress copies of it, see <see cref="InferenceEngine.Generate(PrefilledPrompt, GenerationRequest, CancellationToken)"/>. Dispose it before its engine.
/// </summary>
public sealed class PrefilledPrompt : IDisposable
{
    internal PrefilledPrompt(IReadOnlyList<int> prompt, Sequence sequence, float[] logits) => (Prompt, Sequence, Logits) = (prompt, sequence, logits);

    /// <summary>[n] ids.</summary>
    public IReadOnlyList<int> Prompt { get; }

    internal Sequence Sequence { get; }

    /// <summary>[vocabulary] of the last position.</summary>
    internal float[] Logits { get; }

    /// <inheritdoc/>
    public void Dispose() => Sequence.Dispose();
}
