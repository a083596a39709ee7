using System.Numerics;

namespace KvPolicy.Inference.Generation;

/// <summary>Draws tokens: temperature, then top-k, then top-p. Deterministic for a seed on every machine with the same logits; no allocation per draw.</summary>
internal sealed class Sampler
{
    private readonly SamplingOptions _options;
    private readonly ulong[] _order;
    private readonly double[] _weights;
    private SplitMix64 _random;

    /// <summary>A sampler for a vocabulary.</summary>
    internal Sampler(SamplingOptions options, int vocabulary)
    {
        options.Validate();
        (_options, _random) = (options, new SplitMix64(options.Seed));
        bool greedy = options.Temperature == 0;
        _order = greedy ? [] : new ulong[vocabulary];
        _weights = greedy ? [] : new double[vocabulary];
    }

    /// <summary>The next token.</summary>
    /// <param name="logits">[vocabulary]</param>
    internal int Next(ReadOnlySpan<float> logits)
    {
        int best = ArgMax(logits);
        if (_options.Temperature == 0) return best;
        Span<ulong> candidates = Candidates(logits, best);
        return Draw(logits, logits[best], candidates);
    }

    /// <summary>The likeliest token; of equal ones the lowest id.</summary>
    /// <exception cref="InvalidOperationException">A logit is not a number.</exception>
    internal static int ArgMax(ReadOnlySpan<float> logits)
    {
        int best = 0, i = 0;
        float highest = float.NegativeInfinity;
        var lanes = new Vector<float>(float.NegativeInfinity);
        for (; i + Vector<float>.Count <= logits.Length; i += Vector<float>.Count) lanes = Vector.Max(lanes, new Vector<float>(logits[i..]));
        for (int lane = 0; lane < Vector<float>.Count; lane++) highest = Math.Max(highest, lanes[lane]);
        for (; i < logits.Length; i++) highest = Math.Max(highest, logits[i]);
        if (float.IsNaN(highest)) throw new InvalidOperationException("The logits are not numbers: the model's weights are damaged.");
        best = logits.IndexOf(highest);
        return Math.Max(best, 0);
    }

    // Keys in falling order of (logit, lower id first): the upper half is the logit's, the lower one the inverted id.
    private Span<ulong> Candidates(ReadOnlySpan<float> logits, int best)
    {
        Span<ulong> all = _order.AsSpan(0, logits.Length);
        bool topK = _options.TopK > 0 && _options.TopK < logits.Length, topP = _options.TopP < 1;
        // Tokens below this share of the vocabulary's mean can be left out of every nucleus together: they sum to less than 1 - p.
        double total = 0;
        if (topP && !topK)
        {
            foreach (float logit in logits) total += Weight(logit, logits[best]);
        }

        double least = topP && !topK ? (1 - _options.TopP) * total / logits.Length : 0;
        int count = 0;
        for (int id = 0; id < logits.Length; id++)
        {
            if (least == 0 || Weight(logits[id], logits[best]) >= least) all[count++] = (ulong)ExactSelection.SortableKey(logits[id]) << 32 | ~(uint)id;
        }

        Span<ulong> candidates = all[..count];
        if (topK) candidates = Largest(candidates, _options.TopK);
        if (!topP) return candidates;
        candidates.Sort(static (a, b) => b.CompareTo(a));
        return Nucleus(candidates, logits, logits[best], topK ? Sum(candidates, logits, logits[best]) : total);
    }

    private static Span<ulong> Largest(Span<ulong> keys, int k)
    {
        if (k >= keys.Length) return keys;
        ulong threshold = ExactSelection.KthLargest(keys, k);
        int count = 0;
        foreach (ulong key in keys)
        {
            if (key >= threshold) keys[count++] = key;
        }

        return keys[..count];
    }

    private Span<ulong> Nucleus(Span<ulong> falling, ReadOnlySpan<float> logits, float highest, double total)
    {
        double sum = 0;
        for (int i = 0; i < falling.Length; i++)
        {
            sum += Weight(logits[IdOf(falling[i])], highest);
            if (sum >= _options.TopP * total) return falling[..(i + 1)];
        }

        return falling;
    }

    private double Sum(Span<ulong> keys, ReadOnlySpan<float> logits, float highest)
    {
        double sum = 0;
        foreach (ulong key in keys) sum += Weight(logits[IdOf(key)], highest);
        return sum;
    }

    private int Draw(ReadOnlySpan<float> logits, float highest, Span<ulong> candidates)
    {
        double total = 0;
        for (int i = 0; i < candidates.Length; i++)
        {
            total += Weight(logits[IdOf(candidates[i])], highest);
            _weights[i] = total;
        }

        double point = _random.NextDouble() * total;
        for (int i = 0; i < candidates.Length; i++)
        {
            if (point < _weights[i]) return IdOf(candidates[i]);
        }

        return IdOf(candidates[^1]);
    }

    private double Weight(float logit, float highest) => Math.Exp(((double)logit - highest) / _options.Temperature);

    private static int IdOf(ulong key) => (int)~(uint)key;
}

/// <summary>Steele, Lea and Flood's SplitMix64: small, well mixed, the same everywhere.</summary>
internal struct SplitMix64(ulong seed)
{
    private ulong _state = seed;

    /// <summary>64 random bits.</summary>
    internal ulong Next()
    {
        ulong z = _state += 0x9e3779b97f4a7c15;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        return z ^ (z >> 31);
    }

    /// <summary>In [0, 1), 53 bits.</summary>
    internal double NextDouble() => (Next() >> 11) * (1.0 / (1UL << 53));
}
