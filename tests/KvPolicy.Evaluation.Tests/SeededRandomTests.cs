using KvPolicy.Evaluation.Randomness;

namespace KvPolicy.Evaluation.Tests;

/// <summary>The generator is SplitMix64, and what is drawn from it is fair.</summary>
public class SeededRandomTests
{
    [Fact]
    public void Bits_are_those_of_SplitMix64_from_zero()
    {
        // First outputs for seed 0, as published with the reference implementation.
        SeededRandom random = new();
        Assert.Equal(0xE220A8397B1DCDAFUL, random.NextBits());
        Assert.Equal(0x6E789E6AA1B965F4UL, random.NextBits());
        Assert.Equal(0x06C45D188009454FUL, random.NextBits());
    }

    [Fact]
    public void Keys_make_streams_of_their_own()
    {
        IEnumerable<ulong> keys = Enumerable.Range(0, 1000).Select(i => (ulong)i);
        ulong[] firsts = [.. keys.SelectMany(i => (ulong[])[new SeededRandom(1, i).NextBits(), new SeededRandom(i, 1, 0).NextBits()])];
        Assert.Equal(firsts.Length, firsts.Distinct().Count());
    }

    [Fact]
    public void Draws_are_uniform_and_inside()
    {
        SeededRandom random = new(9);
        int[] counts = new int[7];
        for (int i = 0; i < 70_000; i++) counts[random.Between(3, 9) - 3]++;
        Assert.All(counts, count => Assert.InRange(count, 9_600, 10_400));
        Assert.Throws<ArgumentOutOfRangeException>(() => random.Below(0));
    }

    [Fact]
    public void Samples_are_distinct_and_every_order_is_as_likely()
    {
        SeededRandom random = new(10);
        Dictionary<string, int> orders = [];
        for (int i = 0; i < 12_000; i++)
        {
            string order = string.Concat(random.Sample("abcd", 2));
            orders[order] = orders.GetValueOrDefault(order) + 1;
        }

        Assert.Equal(12, orders.Count);
        Assert.All(orders, order => Assert.NotEqual(order.Key[0], order.Key[1]));
        Assert.All(orders.Values, count => Assert.InRange(count, 880, 1_120));
    }

    [Fact]
    public void Weights_are_kept_and_zero_is_never()
    {
        SeededRandom random = new(11);
        int[] counts = new int[4];
        for (int i = 0; i < 40_000; i++) counts[random.Weighted([1, 0, 3, 0])]++;
        Assert.Equal(0, counts[1] + counts[3]);
        Assert.InRange(counts[2], 29_600, 30_400);
    }

    [Fact]
    public void Normal_has_mean_zero_and_variance_one()
    {
        SeededRandom random = new(12);
        double[] values = [.. Enumerable.Range(0, 100_000).Select(_ => random.Normal())];
        Assert.InRange(values.Average(), -0.015, 0.015);
        Assert.InRange(values.Average(v => v * v), 0.98, 1.02);
        Assert.InRange(values.Average(v => v * v * v * v), 2.9, 3.1);
    }
}
