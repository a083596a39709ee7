namespace KvPolicy.Evaluation.Scoring;

/// <summary>The mean of independent proportions, each task counting the same, with a 95 % interval from theirs.</summary>
/// <param name="Mean">0..1.</param>
/// <param name="Interval">Recovered from the intervals of the proportions (MOVER; Zou and Donner 2008), so it has a width where all of them are 0 or 1.</param>
public readonly record struct MeanInterval(double Mean, WilsonInterval Interval)
{
    /// <summary>The mean of some proportions.</summary>
    /// <param name="parts">At least one proportion with its interval.</param>
    /// <exception cref="ArgumentException">None.</exception>
    public static MeanInterval Of(IReadOnlyList<(double Value, WilsonInterval Interval)> parts)
    {
        ArgumentNullException.ThrowIfNull(parts);
        if (parts.Count == 0) throw new ArgumentException("A mean is of one proportion at least.", nameof(parts));
        double mean = parts.Average(p => p.Value);
        double below = Math.Sqrt(parts.Sum(p => Square(p.Value - p.Interval.Low))) / parts.Count;
        double above = Math.Sqrt(parts.Sum(p => Square(p.Interval.High - p.Value))) / parts.Count;
        return new MeanInterval(mean, new WilsonInterval(Math.Max(0, mean - below), Math.Min(1, mean + above)));
    }

    /// <summary>True where the two intervals have no point in common.</summary>
    public bool IsApartFrom(MeanInterval other) => Interval.Low > other.Interval.High || other.Interval.Low > Interval.High;

    private static double Square(double x) => x * x;
}
