using System.Globalization;
using KvPolicy.Inference.Models;

namespace KvPolicy.Inference.Loading;

/// <summary>Relations that the numbers of any model must keep, whichever format they came from.</summary>
internal static class ConfigCheck
{
    /// <summary>No model has more; a larger number is a damaged file, and buffers are sized by it.</summary>
    private const int LongestContext = 1 << 26;

    /// <summary>No model is wider; keeps products of a width and a number's size far from overflow.</summary>
    private const int LargestWidth = 1 << 24;

    internal static void Validate(string file, ModelConfig c)
    {
        Positive(file, "vocabulary size", c.VocabularySize);
        Positive(file, "hidden size", c.HiddenSize);
        Positive(file, "feed-forward size", c.FeedForwardSize);
        Positive(file, "layer count", c.Layers);
        Positive(file, "query head count", c.QueryHeads);
        Positive(file, "KV head count", c.KvHeads);
        Positive(file, "head size", c.HeadDim);
        Positive(file, "context length", c.ContextLength);
        if (c.ContextLength > LongestContext) throw LoadError.Damaged(file, "context length", $"{c.ContextLength} is above {LongestContext}");
        if (c.QueryHeads % c.KvHeads != 0)
        {
            throw LoadError.Damaged(file, "KV head count", $"{c.KvHeads} KV heads do not divide {c.QueryHeads} query heads");
        }
        if (c.HeadDim % 2 != 0) throw LoadError.Damaged(file, "head size", $"{c.HeadDim} is odd, RoPE turns pairs");
        long widest = Math.Max((long)c.QueryHeads * c.HeadDim, Math.Max(c.HiddenSize, c.FeedForwardSize));
        if (widest > LargestWidth) throw LoadError.Damaged(file, "hidden size", $"a width of {widest} is above {LargestWidth}");
        if (!(c.RmsEpsilon > 0 && c.RmsEpsilon < 1)) throw LoadError.Damaged(file, "RMS epsilon", Text(c.RmsEpsilon) + " is not between 0 and 1");
        if (!(c.RopeTheta > 0 && float.IsFinite(c.RopeTheta))) throw LoadError.Damaged(file, "RoPE base", Text(c.RopeTheta) + " is not above 0");
        if (c.SlidingWindow < 0) throw LoadError.Damaged(file, "sliding window", $"{c.SlidingWindow} is negative");
        foreach (float divisor in c.RopeDivisors ?? [])
        {
            if (!(divisor > 0 && float.IsFinite(divisor))) throw LoadError.Damaged(file, "RoPE divisors", Text(divisor) + " is not above 0");
        }
    }

    private static void Positive(string file, string field, int value)
    {
        if (value <= 0) throw LoadError.Damaged(file, field, string.Create(CultureInfo.InvariantCulture, $"{value} is not above 0"));
    }

    private static string Text(float value) => value.ToString(CultureInfo.InvariantCulture);
}
