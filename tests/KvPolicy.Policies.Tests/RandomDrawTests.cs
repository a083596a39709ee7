using System.Globalization;

namespace KvPolicy.Policies.Tests;

/// <summary>The random baselines are fair: what stays is uniform over shots of any length, and over tokens, layers and heads.</summary>
public class RandomDrawTests
{
    // Lengths that a mean over tokens would sort: long shots near one half, short ones at both ends.
    private static readonly int[] Lengths = [1, 2, 5, 20];

    private const int Seeds = 4800;

    // 23 degrees of freedom: chance is above this once in a million seeds, and the seeds are 0 to 4799 forever.
    private const double MostOfOrders = 71;

    [Fact]
    public void Every_order_of_shots_is_equally_likely_whatever_their_lengths()
    {
        var orders = new Dictionary<string, int>();
        for (int seed = 0; seed < Seeds; seed++)
        {
            string order = Order(ShotScores(seed));
            orders[order] = orders.GetValueOrDefault(order) + 1;
        }

        Assert.InRange(ChiSquare(orders.Values, 24), 4, MostOfOrders);
    }

    [Fact]
    public void The_same_test_sees_that_a_mean_over_tokens_is_not()
    {
        // What RandomShots would be if each token drew its own number: the rule of ShotKv, applied to chance.
        var orders = new Dictionary<string, int>();
        for (int seed = 0; seed < Seeds; seed++)
        {
            TensorScores scores = Run("RandomTokens", seed, 1.0, Shots());
            string order = Order([.. Enumerable.Range(0, Lengths.Length).Select(shot => (float)Shots().Select((of, p) => (of, p)).Where(one => one.of == shot).Average(one => scores.Scores[one.p]))]);
            orders[order] = orders.GetValueOrDefault(order) + 1;
        }

        Assert.True(ChiSquare(orders.Values, 24) > 10 * MostOfOrders);
    }

    [Fact]
    public void Shots_that_stay_are_the_same_in_all_layers_and_heads_and_equally_often_each()
    {
        int[] equal = [.. Enumerable.Range(0, 32).Select(token => token / 4)], stays = new int[8];
        for (int seed = 0; seed < 1600; seed++)
        {
            // A quarter of 32 tokens: two shots of four.
            byte[] kept = Run("RandomShots", seed, 0.25, equal, layers: 3, kvHeads: 2).Kept;
            for (int token = 0; token < kept.Length; token++) Assert.Equal(kept[token % 32], kept[token]);
            for (int shot = 0; shot < 8; shot++) stays[shot] += kept[shot * 4];
            Assert.Equal(8, kept.Take(32).Sum(stay => stay));
        }

        Assert.InRange(ChiSquare(stays, 8), 0.01, 40);
    }

    [Fact]
    public void Tokens_that_stay_are_equally_often_each_and_other_ones_in_each_layer_and_head()
    {
        const int Tokens = 40, Heads = 6;
        var stays = new int[Tokens];
        var together = new int[Heads, Heads];
        for (int seed = 0; seed < 1000; seed++)
        {
            byte[] kept = Run("RandomTokens", seed, 0.25, new int[Tokens], layers: 3, kvHeads: 2).Kept;
            for (int token = 0; token < Tokens; token++)
            {
                for (int head = 0; head < Heads; head++)
                {
                    stays[token] += kept[(head * Tokens) + token];
                    for (int other = 0; other < head; other++) together[head, other] += kept[(head * Tokens) + token] * kept[(other * Tokens) + token];
                }
            }
        }

        Assert.InRange(ChiSquare(stays, Tokens), 5, 90);
        // Two heads that know nothing of each other share a quarter of their ten tokens: 2,500 of 10,000, with a deviation of about 40.
        for (int head = 0; head < Heads; head++)
        {
            for (int other = 0; other < head; other++) Assert.InRange(together[head, other], 2300, 2700);
        }
    }

    private static int[] Shots() => [.. Lengths.SelectMany((length, shot) => Enumerable.Repeat(shot, length))];

    private static float[] ShotScores(int seed)
    {
        int[] shots = Shots();
        TensorScores scores = Run("RandomShots", seed, 1.0, shots);
        return [.. Enumerable.Range(0, Lengths.Length).Select(shot => scores.Scores[Array.IndexOf(shots, shot)])];
    }

    private static TensorScores Run(string policy, int seed, Budget keep, int[] shots, int layers = 1, int kvHeads = 1)
    {
        PolicyInfo info = Catalog.All.Single(known => known.Name == policy);
        var settings = new Dictionary<string, string> { ["seed"] = seed.ToString(CultureInfo.InvariantCulture), ["sinks"] = "0" };
        int size = layers * kvHeads * shots.Length * 2;
        var input = new TensorInput
        {
            Layers = layers,
            QueryHeads = kvHeads,
            KvHeads = kvHeads,
            Length = shots.Length,
            HeadDim = 2,
            Queries = new float[size],
            Keys = new float[size],
            Values = new float[size],
            Shots = shots,
        };
        return TensorScorer.Run(info.Create(new PolicySettings { Keep = keep, Values = settings }), input, 0);
    }

    private static string Order(float[] scores) => string.Concat(Enumerable.Range(0, scores.Length).OrderByDescending(shot => scores[shot]));

    private static double ChiSquare(IReadOnlyCollection<int> counts, int cells)
    {
        double expected = counts.Sum() / (double)cells;
        // Cells that were never met are not in the list.
        return counts.Sum(count => (count - expected) * (count - expected) / expected) + ((cells - counts.Count) * expected);
    }
}
