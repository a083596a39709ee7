namespace KvPolicy.Cli.Verification.Oracles;

/// <summary>How a policy fared against its double-precision reference on one case.</summary>
/// <param name="ScoreError">Largest error of a score, relative to the largest score of its head.</param>
/// <param name="Sets">Kept sets that were compared.</param>
/// <param name="Ties">Sets that differ, but only where scores tie within the tolerance.</param>
/// <param name="Differences">What differs beyond that, one line each.</param>
internal sealed record OracleReport(double ScoreError, int Sets, int Ties, IReadOnlyList<string> Differences);

/// <summary>
/// Compares a policy with its double-precision reference: scores, kept sets, and the set after every decode step. A decode step is judged from
/// the sets that the policy itself held before it, so that one near tie does not make every later step differ.
/// </summary>
internal sealed class OracleComparison
{
    /// <summary>Scores closer than this, relative to the largest, may change places.</summary>
    internal const double Tolerance = 1e-5;

    private readonly TensorInput _input;
    private readonly TensorScores _actual;
    private readonly int _prompt;
    private readonly List<string> _differences = [];
    private double _error;
    private int _sets;
    private int _ties;

    private OracleComparison(TensorInput input, TensorScores actual, int prompt) => (_input, _actual, _prompt) = (input, actual, prompt);

    /// <summary>Judges what a policy made of a case.</summary>
    /// <param name="reference">The policy's reference.</param>
    /// <param name="info">The policy.</param>
    /// <param name="settings">What the policy was made with.</param>
    /// <param name="input">Tensors.</param>
    /// <param name="decodeSteps">Rows that were decoded.</param>
    /// <param name="actual">What <see cref="TensorScorer"/> gave.</param>
    internal static OracleReport Compare(DoubleReference reference, PolicyInfo info, PolicySettings settings, TensorInput input, int decodeSteps, TensorScores actual)
    {
        var comparison = new OracleComparison(input, actual, input.Length - decodeSteps);
        comparison.Run(reference, new OracleSettings(info, settings), new OracleTensors(input), decodeSteps);
        return new(comparison._error, comparison._sets, comparison._ties, comparison._differences);
    }

    private void Run(DoubleReference reference, OracleSettings settings, OracleTensors tensors, int steps)
    {
        OracleChoice[][] prefill = reference.Prefill(settings, tensors, _prompt);
        for (int layer = 0; layer < _input.Layers; layer++)
        {
            for (int head = 0; head < _input.KvHeads; head++)
            {
                CompareScores(prefill[layer][head], layer, head);
                CompareSet(prefill[layer][head], Kept(_actual.Kept, layer, head), $"layer {layer}, head {head}, after the prefill");
            }

            if (steps > 0) CompareSteps(reference, settings, tensors, layer, steps);
        }
    }

    private void CompareSteps(DoubleReference reference, OracleSettings settings, OracleTensors tensors, int layer, int steps)
    {
        OracleHead[] heads = [.. Enumerable.Range(0, _input.KvHeads).Select(_ => new OracleHead(_input.Length))];
        reference.Seed(tensors, layer, _prompt, heads);
        int size = _actual.Kept.Length;
        for (int step = 0; step < steps; step++)
        {
            for (int head = 0; head < heads.Length; head++)
            {
                ReadOnlySpan<byte> before = step == 0 ? _actual.Kept : _actual.KeptSteps.AsSpan((step - 1) * size, size);
                heads[head].Held.Clear();
                heads[head].Held.AddRange([.. Kept(before, layer, head), _prompt + step]);
            }

            OracleChoice[] choices = reference.Step(settings, tensors, layer, _prompt, _prompt + step, heads);
            for (int head = 0; head < heads.Length; head++)
                CompareSet(choices[head], Kept(_actual.KeptSteps.AsSpan(step * size, size), layer, head), $"layer {layer}, head {head}, after decode step {step + 1}");
        }
    }

    private int[] Kept(ReadOnlySpan<byte> mask, int layer, int head)
    {
        int start = (layer * _input.KvHeads + head) * _input.Length;
        var kept = new List<int>();
        for (int p = 0; p < _input.Length; p++)
        {
            if (mask[start + p] != 0) kept.Add(p);
        }

        return [.. kept];
    }

    private void CompareScores(OracleChoice choice, int layer, int head)
    {
        ReadOnlySpan<float> scores = _actual.Scores.AsSpan((layer * _input.KvHeads + head) * _input.Length, _input.Length);
        double largest = Math.Max(choice.Largest, double.Epsilon);
        for (int p = 0; p < _input.Length; p++)
        {
            double expected = p < _prompt ? choice.Scores[p] : double.NaN;
            if (double.IsNaN(expected) != float.IsNaN(scores[p]))
            {
                _differences.Add($"layer {layer}, head {head}: the score of token {p} is {scores[p]:R}, the reference says {expected:R}");
                return;
            }

            if (double.IsNaN(expected)) continue;
            double error = Math.Abs(scores[p] - expected) / largest;
            _error = Math.Max(_error, error);
            if (error <= Tolerance) continue;
            _differences.Add($"layer {layer}, head {head}: the score of token {p} is {scores[p]:R}, the reference says {expected:R}");
            return;
        }
    }

    private void CompareSet(OracleChoice choice, int[] actual, string where)
    {
        _sets++;
        int[] extra = [.. actual.Except(choice.Kept)], missing = [.. choice.Kept.Except(actual)];
        if (extra.Length == 0 && missing.Length == 0) return;
        if (choice.Units is { } units ? UnitsTie(units, choice.Largest) : TokensTie(choice, extra, missing))
        {
            _ties++;
            return;
        }

        _differences.Add($"{where}: keeps {Some(extra)} that should go and misses {Some(missing)} that should stay");
    }

    /// <summary>As many went as came, and each that came scores within the tolerance of each that went.</summary>
    private static bool TokensTie(OracleChoice choice, int[] extra, int[] missing)
        => extra.Length == missing.Length && extra.All(e => missing.All(m => Math.Abs(choice.Scores[e] - choice.Scores[m]) <= Tolerance * choice.Largest));

    /// <summary>Two units tie: then their order, and with it the whole set, is open.</summary>
    private static bool UnitsTie(double[] units, double largest)
    {
        double[] sorted = [.. units.Order()];
        return sorted.Zip(sorted.Skip(1)).Any(pair => pair.Second - pair.First <= Tolerance * largest);
    }

    private static string Some(int[] positions) => positions.Length == 0 ? "nothing" : "token" + (positions.Length > 1 ? "s " : " ") + string.Join(", ", positions.Take(5)) + (positions.Length > 5 ? ", ..." : "");
}
