using CsCheck;
using KvPolicy.Evaluation.Scoring;

namespace KvPolicy.Evaluation.Tests;

/// <summary>Answers and proportions, judged.</summary>
public class ScoringTests
{
    [Theory]
    [InlineData(" fimar papolis .", 1)]
    [InlineData("fimar  papolis .\n", 1)]
    [InlineData(" fimar papolis .<sep> Q : and more .", 1)]
    [InlineData(" fimar papolis . <sep>", 1)]
    [InlineData(" fimar papolis . Q", 1)]
    [InlineData(" fimar papolis . Q .", 0)]
    [InlineData(" fimar papolis", 0)]
    [InlineData(" fimar tipolis .", 0)]
    [InlineData(" papolis .", 0)]
    [InlineData("<sep> fimar papolis .", 0)]
    [InlineData("", 0)]
    public void An_answer_counts_up_to_its_last_full_stop(string output, double score)
    {
        Assert.Equal(score == 1, AnswerScoring.IsExact(" fimar papolis .", output));
    }

    [Theory]
    [InlineData(" a 1 . b 2 . c 3 . d 4 .<sep>", 1)]
    [InlineData(" a 1 . b 2 . c 4 . d 4 .", 0.75)]
    [InlineData(" a 1 . c 3 . d 4 .", 0.75)]
    [InlineData(" a 1 . b 2 . c 3 . d 4", 0.75)]
    [InlineData(" a 2 . a 1 . b 2 . c 3 . d 4 .", 0.75)]
    [InlineData(" a 1 .<sep> b 2 .", 0.25)]
    [InlineData("", 0)]
    public void Items_count_one_by_one_and_the_first_of_a_label(string output, double score)
    {
        Assert.Equal(score, AnswerScoring.ShareOfItems(" a 1 . b 2 . c 3 . d 4 .", output));
    }

    [Theory]
    [InlineData(500, 500, 99.2, 100.0)]
    [InlineData(108, 200, 47.1, 60.8)]
    [InlineData(11, 200, 3.1, 9.6)]
    [InlineData(0, 200, 0.0, 1.9)]
    public void Intervals_are_those_of_published_tables(int successes, int trials, double low, double high)
    {
        WilsonInterval interval = WilsonInterval.Of(successes, trials);
        Assert.Equal(low, Math.Round(100 * interval.Low, 1));
        Assert.Equal(high, Math.Round(100 * interval.High, 1));
    }

    [Fact]
    public void The_interval_solves_its_equation()
    {
        // Its ends are where the proportion lies 1.96 standard errors away, the errors taken at the end itself.
        Gen.Select(Gen.Int[1, 5000], Gen.Double[0.01, 0.99]).Sample((n, p) =>
        {
            WilsonInterval interval = WilsonInterval.Of(p * n, n);
            foreach (double end in new[] { interval.Low, interval.High })
            {
                Assert.Equal(1.959964, Math.Abs(p - end) / Math.Sqrt(end * (1 - end) / n), 5);
            }
        });
    }

    [Theory]
    [InlineData(-1, 5)]
    [InlineData(6, 5)]
    [InlineData(double.NaN, 5)]
    [InlineData(0, 0)]
    public void Impossible_proportions_are_refused(double successes, int trials) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => WilsonInterval.Of(successes, trials));
}
