namespace KvPolicy.Cli.Verification.Oracles;

/// <summary>What a rule says of one head.</summary>
/// <param name="Kept">Positions that stay, ascending.</param>
/// <param name="Scores">Score by position as it competed; NaN where the rule gives none. For a decode step, of the tokens that compete.</param>
/// <param name="Units">Scores of the units where whole units were chosen, so that one near tie can turn a set over altogether; null for tokens.</param>
internal sealed record OracleChoice(int[] Kept, double[] Scores, double[]? Units = null)
{
    /// <summary>Largest magnitude of a score, which errors are relative to.</summary>
    internal double Largest => Scores.Where(double.IsFinite).Select(Math.Abs).DefaultIfEmpty(0).Max();

    /// <summary>Everything stays.</summary>
    internal static OracleChoice All(IEnumerable<int> held, double[] scores) => new([.. held], scores);
}

/// <summary>A head while decoding.</summary>
internal sealed class OracleHead(int length)
{
    /// <summary>Held positions, ascending; the token of the current step included.</summary>
    internal List<int> Held { get; } = [];

    /// <summary>Attention so far by position, for rules that add it up.</summary>
    internal double[] Sums { get; } = new double[length];
}
