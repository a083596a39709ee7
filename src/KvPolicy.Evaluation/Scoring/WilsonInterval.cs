namespace KvPolicy.Evaluation.Scoring;

/// <summary>Wilson's score interval of a proportion: it stays inside 0..1 and has a width at 0 and 1 too (Wilson 1927).</summary>
/// <param name="Low">Lower end, 0..1.</param>
/// <param name="High">Upper end, 0..1.</param>
public readonly record struct WilsonInterval(double Low, double High)
{
    /// <summary>Two-sided 95 % quantile of the normal distribution.</summary>
    private const double Z95 = 1.959963984540054;

    /// <summary>The interval of <paramref name="successes"/> out of <paramref name="trials"/> at 95 % confidence.</summary>
    /// <param name="successes">0 to <paramref name="trials"/>; not whole where trials give shares.</param>
    /// <param name="trials">At least 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">No trials, or successes outside 0 to trials.</exception>
    public static WilsonInterval Of(double successes, int trials)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(trials, 1);
        if (!(successes >= 0 && successes <= trials))
        {
            throw new ArgumentOutOfRangeException(nameof(successes), successes, $"Successes lie in 0 to {trials}.");
        }

        const double Z2 = Z95 * Z95;
        double p = successes / trials;
        double scale = 1 / (1 + (Z2 / trials));
        double centre = scale * (p + (Z2 / (2.0 * trials)));
        double half = scale * Z95 * Math.Sqrt((p * (1 - p) / trials) + (Z2 / (4.0 * trials * trials)));
        return new WilsonInterval(Math.Max(0, centre - half), Math.Min(1, centre + half));
    }
}
