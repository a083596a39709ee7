using CsCheck;

namespace KvPolicy.Runtime.Tests;

public class ExactSelectionTests
{
    private static readonly float[] Special = [0f, -0f, 1f, -1f, 0.5f, float.NaN, float.PositiveInfinity, float.NegativeInfinity, float.Epsilon, -float.Epsilon, float.MaxValue, float.MinValue];

    // Few distinct values, so that ties are everywhere, and every special one.
    private static readonly Gen<float> Score = Gen.OneOf(
        Gen.Float,
        Gen.Int[0, 11].Select(i => Special[i]),
        Gen.Int[-4, 4].Select(i => i / 4f));

    [Fact]
    public void Equals_a_sort_by_falling_score_then_rising_position()
        => Gen.Select(Score.Array[0, 200], Gen.Int[0, 200]).Sample((scores, wanted) =>
        {
            int k = Math.Min(wanted, scores.Length);
            var kept = new int[k];
            ExactSelection.Largest(scores, kept);
            Assert.Equal(Naive(scores, k), kept);
        }, iter: 3000);

    [Fact]
    public void A_budget_of_nothing_keeps_nothing() => ExactSelection.Largest([1f, 2f], []);

    [Fact]
    public void More_than_there_is_is_refused()
        => Assert.Contains("3 of 2", Assert.Throws<ArgumentException>(() => ExactSelection.Largest([1f, 2f], new int[3])).Message, StringComparison.Ordinal);

    [Fact]
    public void Equal_scores_keep_the_lower_positions()
    {
        var kept = new int[3];
        ExactSelection.Largest([1f, 2f, 1f, 1f, 2f], kept);
        Assert.Equal([0, 1, 4], kept);
    }

    [Fact]
    public void Minus_zero_ties_with_zero()
    {
        var kept = new int[1];
        ExactSelection.Largest([-0f, 0f], kept);
        Assert.Equal([0], kept);
    }

    [Fact]
    public void Not_a_number_is_below_minus_infinity()
    {
        var kept = new int[1];
        ExactSelection.Largest([float.NaN, float.NegativeInfinity], kept);
        Assert.Equal([1], kept);
        Assert.True(ExactSelection.SortableKey(-float.NaN) == ExactSelection.SortableKey(float.NaN));
    }

    [Fact]
    public void The_kth_of_distinct_keys_is_that_of_a_sort()
        => Gen.Select(Gen.ULong.Array[1, 100], Gen.Int[1, 100]).Sample((keys, wanted) =>
        {
            ulong[] distinct = [.. keys.Distinct()];
            int k = Math.Min(wanted, distinct.Length);
            Assert.Equal(distinct.OrderDescending().ElementAt(k - 1), ExactSelection.KthLargest(distinct, k));
        }, iter: 1000);

    [Fact]
    public void A_long_row_allocates_nothing()
    {
        var random = new Random(1);
        float[] scores = [.. Enumerable.Range(0, 10_000).Select(_ => random.NextSingle())];
        var kept = new int[1000];
        ExactSelection.Largest(scores, kept);
        long before = GC.GetAllocatedBytesForCurrentThread();
        ExactSelection.Largest(scores, kept);
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    private static int[] Naive(float[] scores, int k)
        => [.. Enumerable.Range(0, scores.Length)
            .OrderBy(i => float.IsNaN(scores[i]) ? 1 : 0)
            .ThenByDescending(i => float.IsNaN(scores[i]) ? 0f : scores[i] == 0f ? 0f : scores[i])
            .ThenBy(i => i).Take(k).Order()];
}
