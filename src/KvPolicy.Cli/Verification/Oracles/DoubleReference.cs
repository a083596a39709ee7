namespace KvPolicy.Cli.Verification.Oracles;

/// <summary>
/// A policy's rule in double precision, written by hand from the paper's formula and the design's words, never from the compiled policy: the
/// witness that kernels are compared with.
/// </summary>
internal abstract class DoubleReference
{
    private static readonly DoubleReference[] Known =
        [new KeepAllReference(), new StreamingLlmReference(), new SnapKvReference(), new H2OReference(), new KeyNormReference(), new ChunkKvReference(), new ShotKvReference(),
        new RandomTokensReference(), new RandomShotsReference()];

    /// <summary>Name of the policy.</summary>
    internal abstract string Policy { get; }

    /// <summary>The reference of a policy, or null where none was written.</summary>
    internal static DoubleReference? For(string policy) => Known.FirstOrDefault(reference => reference.Policy == policy);

    /// <summary>What stays of a prompt: [layer][KV head].</summary>
    internal abstract OracleChoice[][] Prefill(OracleSettings settings, OracleTensors tensors, int prompt);

    /// <summary>Before decoding: what a rule must know of the prompt (sums of attention so far).</summary>
    internal virtual void Seed(OracleTensors tensors, int layer, int prompt, OracleHead[] heads)
    {
    }

    /// <summary>What stays after the token at <paramref name="position"/> was appended and attended to: [KV head].</summary>
    internal virtual OracleChoice[] Step(OracleSettings settings, OracleTensors tensors, int layer, int prompt, int position, OracleHead[] heads)
        => [.. heads.Select(head => OracleChoice.All(head.Held, Unscored(tensors.Length)))];

    /// <summary>Runs a head rule over all layers and heads.</summary>
    protected static OracleChoice[][] EachHead(OracleTensors tensors, Func<int, int, OracleChoice> rule)
        => [.. Enumerable.Range(0, tensors.Layers).Select(layer => Enumerable.Range(0, tensors.KvHeads).Select(head => rule(layer, head)).ToArray())];

    /// <summary>Runs a layer rule whose choice holds for all its heads.</summary>
    protected static OracleChoice[][] EachLayer(OracleTensors tensors, Func<int, OracleChoice> rule)
        => [.. Enumerable.Range(0, tensors.Layers).Select(layer => Enumerable.Repeat(rule(layer), tensors.KvHeads).ToArray())];

    /// <summary>Scores of a rule that gives none.</summary>
    protected static double[] Unscored(int length)
    {
        var scores = new double[length];
        Array.Fill(scores, double.NaN);
        return scores;
    }
}
