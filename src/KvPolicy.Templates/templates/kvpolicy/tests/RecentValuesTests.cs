using KvPolicy;
using Xunit;

namespace Kv.App._1.Tests;

public class RecentValuesTests
{
    private const int Length = 96, HeadDim = 8;

    [Fact]
    public void The_largest_faded_values_stay()
    {
        TensorInput input = Random(seed: 1);
        TensorScores result = TensorScorer.Run(new RecentValues { Keep = 0.25, Sinks = 0, Recent = 0, Fade = 20 }, input);

        // The formula once more, in doubles and from the tensors alone: what the policy is held against.
        double Expected(int key)
        {
            double squares = Enumerable.Range(0, HeadDim).Sum(c => (double)input.Values.Span[key * HeadDim + c] * input.Values.Span[key * HeadDim + c]);
            return Math.Sqrt(squares) * Math.Exp((key - Length) / 20.0);
        }

        for (int key = 0; key < Length; key++) Assert.Equal(Expected(key), result.Scores[key], 1e-5);
        int[] best = [.. Enumerable.Range(0, Length).OrderByDescending(Expected).Take(Length / 4).Order()];
        Assert.Equal(best, Kept(result));
    }

    [Fact]
    public void Sinks_and_newest_tokens_always_stay()
    {
        int[] kept = Kept(TensorScorer.Run(new RecentValues { Keep = Budget.OfTokens(12), Sinks = 4, Recent = 8 }, Random(seed: 2)));
        Assert.Equal([0, 1, 2, 3, .. Enumerable.Range(Length - 8, 8)], kept);
    }

    private static int[] Kept(TensorScores result) => [.. Enumerable.Range(0, Length).Where(key => result.Kept[key] == 1)];

    private static TensorInput Random(int seed)
    {
        var random = new Random(seed);
        float[] Draw() => [.. Enumerable.Range(0, Length * HeadDim).Select(_ => random.NextSingle() - 0.5f)];
        return new TensorInput { QueryHeads = 1, KvHeads = 1, Length = Length, HeadDim = HeadDim, Queries = Draw(), Keys = Draw(), Values = Draw() };
    }
}
