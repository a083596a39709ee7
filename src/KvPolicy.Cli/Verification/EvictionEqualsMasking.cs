using KvPolicy.Cli.CommandLine;
using KvPolicy.Inference;
using KvPolicy.Inference.Models;

namespace KvPolicy.Cli.Verification;

/// <summary>
/// Point 1: decoding through the compressed cache gives the logits of a full cache that is masked at the same (head, position). The masked
/// side is the naive transformer; what to mask is read from the engine's cache after the prefill and after each step.
/// </summary>
internal sealed class EvictionEqualsMasking : IDisposable
{
    private const double Tolerance = 1e-4;
    private const int Steps = 50;
    private const int ChunkRows = 48;

    private readonly VerificationPrompt _prompt;
    private readonly NaiveTransformer _naive;
    private readonly TracedEngine _engine;
    private (NaiveSequence Sequence, double[] Logits)? _full;

    /// <summary>Prepares both sides.</summary>
    /// <param name="model">The model.</param>
    /// <param name="prompt">The prompt.</param>
    /// <param name="threads">Threads of the engine.</param>
    /// <param name="maker">Makes the engine's stores; null for its own.</param>
    internal EvictionEqualsMasking(Model model, VerificationPrompt prompt, int threads, StoreMaker? maker = null)
        => (_prompt, _naive, _engine) = (prompt, new NaiveTransformer(model), new TracedEngine(model, threads, maker));

    /// <summary>Checks a policy.</summary>
    internal PointResult Check(VerifiedPolicy policy, PrefillSchedule schedule)
    {
        string point = schedule == PrefillSchedule.LayerMajor ? "1 eviction equals masking" : "1 the same, prefilled by chunks";
        Trace trace = _engine.Run(new TracedRun(_prompt.Ids, _prompt.Shots, policy.Create(), Steps) { Schedule = schedule, ChunkRows = ChunkRows });
        (NaiveSequence sequence, double[] logits) = schedule == PrefillSchedule.LayerMajor ? Full() : ByChunks(trace);
        double worst = Distance(trace.Logits[0], logits);
        for (int step = 0; step < Steps; step++)
        {
            logits = _naive.Step(sequence, trace.Ids[step], trace.Held[step].Has);
            double error = Distance(trace.Logits[step + 1], logits);
            if (!(error <= Tolerance)) return PointResult.Fail(point, policy, $"after step {step + 1} a logit is {Show(error)} off, allowed {Show(Tolerance)}");
            worst = Math.Max(worst, error);
        }

        string figure = $"{Steps} steps, logits within {Show(worst)}; {trace.Held[0].Total} keys held after the prefill, {trace.Held[^1].Total} at the end";
        return worst <= Tolerance ? PointResult.Ok(point, policy, figure) : PointResult.Fail(point, policy, $"after the prefill a logit is {Show(worst)} off, allowed {Show(Tolerance)}");
    }

    /// <inheritdoc/>
    public void Dispose() => _engine.Dispose();

    // By layers, no row of the prompt sees an eviction: one prefill serves every policy.
    private (NaiveSequence, double[]) Full()
    {
        _full ??= Prefill(_ => null);
        return (_full.Value.Sequence.Fork(), _full.Value.Logits);
    }

    // By chunks, a row sees its own chunk and the survivors of those before.
    private (NaiveSequence, double[]) ByChunks(Trace trace)
        => Prefill(row => row < ChunkRows ? null : (layer, head, position) => position >= row / ChunkRows * ChunkRows || trace.HeldAfterChunks[row / ChunkRows - 1].Has(layer, head, position));

    private (NaiveSequence, double[]) Prefill(Func<int, Sees?> seenBy)
    {
        NaiveSequence sequence = _naive.Begin();
        double[] logits = [];
        for (int row = 0; row < _prompt.Ids.Length; row++) logits = _naive.Step(sequence, _prompt.Ids[row], seenBy(row), wantsLogits: row == _prompt.Ids.Length - 1);
        return (sequence, logits);
    }

    private static double Distance(float[] actual, double[] expected)
    {
        double worst = 0;
        for (int i = 0; i < expected.Length; i++)
        {
            double error = Math.Abs(actual[i] - expected[i]);
            if (double.IsNaN(error)) return double.PositiveInfinity;
            worst = Math.Max(worst, error);
        }

        return worst;
    }

    private static string Show(double error) => Numbers.Show(error, "0.0e+0");
}
