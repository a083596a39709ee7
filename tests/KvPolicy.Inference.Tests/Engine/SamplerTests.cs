using CsCheck;
using KvPolicy.Inference.Generation;

namespace KvPolicy.Inference.Tests.Engine;

public class SamplerTests
{
    [Fact]
    public void Greedy_takes_the_lowest_id_of_equal_logits()
    {
        var sampler = new Sampler(new SamplingOptions(), 40);
        float[] logits = new float[40];
        logits[33] = logits[7] = logits[21] = 2f;
        Assert.Equal(7, sampler.Next(logits));
        Assert.Equal(0, sampler.Next(new float[40]));
        Array.Fill(logits, float.NaN);
        Assert.Throws<InvalidOperationException>(() => sampler.Next(logits));
    }

    [Fact]
    public void Same_seed_same_tokens_and_another_seed_others()
    {
        float[] logits = [.. Enumerable.Range(0, 100).Select(i => MathF.Sin(i))];
        int[] Draws(ulong seed)
        {
            var sampler = new Sampler(new SamplingOptions(Temperature: 1, Seed: seed), 100);
            return [.. Enumerable.Range(0, 50).Select(_ => sampler.Next(logits))];
        }

        Assert.Equal(Draws(1), Draws(1));
        Assert.NotEqual(Draws(1), Draws(2));
    }

    [Fact]
    public void Only_tokens_that_pass_the_filters_are_drawn_and_as_often_as_they_should()
        => Gen.Select(Gen.Int[1, 60], Gen.Int[0, 70], Gen.Double[0.05, 1], Gen.Double[0.2, 3], Gen.Int[0, 1 << 20]).Sample(
            (vocabulary, topK, topP, temperature, seed) =>
            {
                var random = new Random(seed);
                // Coarse logits, so that there are ties.
                float[] logits = [.. Enumerable.Range(0, vocabulary).Select(_ => random.Next(-8, 9) / 2f)];
                Dictionary<int, double> want = Expected(logits, topK, topP, temperature);
                var sampler = new Sampler(new SamplingOptions(temperature, topK, topP, (ulong)seed), vocabulary);
                const int draws = 4000;
                var counts = new int[vocabulary];
                for (int i = 0; i < draws; i++) counts[sampler.Next(logits)]++;
                for (int id = 0; id < vocabulary; id++)
                {
                    double p = want.GetValueOrDefault(id);
                    if (p == 0) Assert.Equal(0, counts[id]);
                    // Bernstein's bound at e^-20: about six standard deviations, and honest for rare tokens, whose counts are not normal.
                    double allowed = p == 1 ? 1e-9 : Math.Sqrt(2 * 20 * draws * p * (1 - p)) + 2 * 20 / 3.0;
                    Assert.True(Math.Abs(counts[id] - draws * p) <= allowed, $"id {id}: {counts[id]} of {draws}, expected share {p}");
                }
            },
            iter: 60);

    [Theory]
    [InlineData(-1, 0, 1)]
    [InlineData(double.NaN, 0, 1)]
    [InlineData(1, -1, 1)]
    [InlineData(1, 0, 0)]
    [InlineData(1, 0, 1.5)]
    [InlineData(1, 0, double.NaN)]
    public void What_has_no_meaning_is_refused(double temperature, int topK, double topP)
        => Assert.Throws<ArgumentOutOfRangeException>(() => new Sampler(new SamplingOptions(temperature, topK, topP), 10));

    // By sorting everything: temperature, then the k likeliest, then the shortest run of likeliest ones whose share reaches p.
    private static Dictionary<int, double> Expected(float[] logits, int topK, double topP, double temperature)
    {
        List<(int Id, double Weight)> order = [.. logits.Select((logit, id) => (id, Math.Exp(logit / temperature))).OrderByDescending(x => x.Item2).ThenBy(x => x.id)];
        if (topK > 0 && topK < order.Count) order = order[..topK];
        double total = order.Sum(x => x.Weight), sum = 0;
        int count = 0;
        while (count < order.Count && sum < topP * total * (1 - 1e-12)) sum += order[count++].Weight;
        order = order[..count];
        return order.ToDictionary(x => x.Id, x => x.Weight / order.Sum(y => y.Weight));
    }
}
