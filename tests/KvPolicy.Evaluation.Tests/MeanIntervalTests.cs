using KvPolicy.Evaluation.Scoring;

namespace KvPolicy.Evaluation.Tests;

/// <summary>Means of proportions with their intervals.</summary>
public class MeanIntervalTests
{
    [Fact]
    public void One_proportion_keeps_its_interval()
    {
        var wilson = WilsonInterval.Of(30, 40);
        MeanInterval mean = MeanInterval.Of([(0.75, wilson)]);
        Assert.Equal((0.75, wilson.Low, wilson.High), (mean.Mean, mean.Interval.Low, mean.Interval.High));
    }

    /// <summary>Means over [0.2, 0.6] around 0.5 and [0.7, 0.9] around 0.8: half of the roots of 0.3² + 0.1² and of 0.1² + 0.1².</summary>
    [Fact]
    public void Distances_to_the_ends_add_up_as_squares()
    {
        MeanInterval mean = MeanInterval.Of([(0.5, new WilsonInterval(0.2, 0.6)), (0.8, new WilsonInterval(0.7, 0.9))]);
        Assert.Equal(0.65, mean.Mean, 12);
        Assert.Equal(0.65 - Math.Sqrt(0.10) / 2, mean.Interval.Low, 12);
        Assert.Equal(0.65 + Math.Sqrt(0.02) / 2, mean.Interval.High, 12);
    }

    [Fact]
    public void Intervals_that_touch_are_not_apart()
    {
        Assert.False(At(0.2, 0.4).IsApartFrom(At(0.4, 0.6)));
        Assert.True(At(0.2, 0.4).IsApartFrom(At(0.41, 0.6)));
        Assert.True(At(0.41, 0.6).IsApartFrom(At(0.2, 0.4)));
    }

    [Fact]
    public void Nothing_has_no_mean() => Assert.Throws<ArgumentException>(() => MeanInterval.Of([]));

    private static MeanInterval At(double low, double high) => new((low + high) / 2, new WilsonInterval(low, high));
}
