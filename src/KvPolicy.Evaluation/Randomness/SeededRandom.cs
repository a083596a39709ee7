namespace KvPolicy.Evaluation.Randomness;

/// <summary>
/// SplitMix64 (Steele, Lea, Flood 2014). The tasks and the training's data and first weights are functions of it alone, so they are the same
/// on every machine and with every version of .NET, which <see cref="Random"/> does not promise.
/// </summary>
internal sealed class SeededRandom
{
    private const ulong Golden = 0x9E3779B97F4A7C15;

    private ulong _state;

    /// <summary>A stream of its own for every list of keys, say (domain, seed, index).</summary>
    internal SeededRandom(params ReadOnlySpan<ulong> keys)
    {
        foreach (ulong key in keys) _state = Mix((_state + Golden) ^ Mix(key + Golden));
    }

    /// <summary>64 random bits.</summary>
    internal ulong NextBits()
    {
        _state += Golden;
        return Mix(_state);
    }

    /// <summary>Uniform in 0..<paramref name="bound"/>-1.</summary>
    internal int Below(int bound)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(bound, 1);
        return (int)(ulong)(((UInt128)NextBits() * (ulong)bound) >> 64);
    }

    /// <summary>Uniform in <paramref name="low"/>..<paramref name="high"/>, both ends included.</summary>
    internal int Between(int low, int high) => low + Below(high - low + 1);

    /// <summary>Uniform in a range, both ends included.</summary>
    internal int Between(IntRange range) => Between(range.Low, range.High);

    /// <summary>True half of the time.</summary>
    internal bool Coin() => Below(2) == 1;

    /// <summary>Uniform in (0, 1].</summary>
    internal double Unit() => ((NextBits() >> 11) + 1) * (1.0 / (1UL << 53));

    /// <summary>One of the values.</summary>
    internal T Pick<T>(IReadOnlyList<T> values) => values[Below(values.Count)];

    /// <summary>Some of the values, without replacement, in random order.</summary>
    internal List<T> Sample<T>(IEnumerable<T> values, int count)
    {
        List<T> pool = [.. values];
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, pool.Count);
        for (int i = 0; i < count; i++)
        {
            int j = Between(i, pool.Count - 1);
            (pool[i], pool[j]) = (pool[j], pool[i]);
        }

        pool.RemoveRange(count, pool.Count - count);
        return pool;
    }

    /// <summary>All of the values in random order.</summary>
    internal List<T> Shuffled<T>(IReadOnlyCollection<T> values) => Sample(values, values.Count);

    /// <summary>An index, in proportion to its weight (weights of zero are never drawn).</summary>
    internal int Weighted(IReadOnlyList<double> weights)
    {
        double rest = Unit() * weights.Sum();
        int last = 0;
        for (int i = 0; i < weights.Count; i++)
        {
            if (weights[i] <= 0) continue;
            last = i;
            rest -= weights[i];
            if (rest <= 0) break;
        }

        return last;
    }

    /// <summary>Standard normal (Box-Muller, the cosine half).</summary>
    internal double Normal() => Math.Sqrt(-2 * Math.Log(Unit())) * Math.Cos(2 * Math.PI * Unit());

    private static ulong Mix(ulong z)
    {
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}
