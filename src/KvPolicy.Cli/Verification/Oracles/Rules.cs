namespace KvPolicy.Cli.Verification.Oracles;

/// <summary>The words of the design that all rules share, as slowly and plainly as they can be written.</summary>
internal static class Rules
{
    /// <summary>max(1, floor(Keep x n)) with Keep as the decimal that was written, or the number of tokens.</summary>
    internal static int Floor(Budget keep, int n) => keep.IsTokens ? keep.Tokens : Math.Max(1, (int)Math.Floor(keep.Ratio * n));

    /// <summary>max(1, ceil(Keep x t)).</summary>
    internal static int Ceiling(Budget keep, int t) => keep.IsTokens ? keep.Tokens : Math.Max(1, (int)Math.Ceiling(keep.Ratio * t));

    /// <summary>Competing tokens of a prompt: sinks and newest cut out, together never more than k, sinks first.</summary>
    internal static (int First, int End) Competing(int n, int k, int sinks, int recent)
    {
        int first = Math.Min(sinks, Math.Min(k, n));
        return (first, n - Math.Min(recent, Math.Min(k, n) - first));
    }

    /// <summary>The best of some positions by falling score, equal scores by rising position.</summary>
    internal static IEnumerable<int> Best(IEnumerable<int> positions, Func<int, double> score, int count)
        => positions.OrderByDescending(score).ThenBy(p => p).Take(Math.Max(count, 0));

    /// <summary>Single tokens compete for what the protected ones leave of k.</summary>
    /// <param name="scores">[n] by position; NaN outside the competition is allowed.</param>
    /// <param name="n">Prompt.</param>
    /// <param name="k">Budget.</param>
    /// <param name="competing">See <see cref="Competing"/>.</param>
    internal static OracleChoice Tokens(double[] scores, int n, int k, (int First, int End) competing)
    {
        IEnumerable<int> all = Enumerable.Range(0, n);
        if (k >= n) return OracleChoice.All(all, scores);
        int[] free = [.. all.Where(p => p >= competing.First && p < competing.End)];
        int left = k - (n - free.Length);
        return new([.. all.Except(free).Concat(Best(free, p => scores[p], left)).Order()], scores);
    }

    /// <summary>
    /// A decode step over the held tokens of a head: the newest token stays where it always does, then sinks, then the newest held ones,
    /// together never more than k; the rest compete for what is left of k.
    /// </summary>
    internal static OracleChoice Step(IReadOnlyList<int> held, Func<int, double> score, int k, int sinks, int recent, bool newest, int length)
    {
        var scores = new double[length];
        Array.Fill(scores, double.NaN);
        if (held.Count <= k) return OracleChoice.All(held, scores);
        int reserved = newest ? 1 : 0;
        int[] first = [.. held.Where(p => p < sinks).Order().Take(k - reserved)];
        int[] last = [.. held.OrderDescending().Take(Math.Min(Math.Max(recent, reserved), k - first.Length))];
        int[] free = [.. held.Except(first).Except(last)];
        foreach (int p in free) scores[p] = score(p);
        return new([.. first.Concat(last).Concat(Best(free, score, k - first.Length - last.Length)).Order()], scores);
    }

    /// <summary>Mean of the column sums of a KV head's query group.</summary>
    internal static double[] GroupMean(OracleTensors t, int layer, int kvHead, Func<int, double[]> ofQueryHead)
    {
        double[][] group = [.. Enumerable.Range(kvHead * t.Group, t.Group).Select(ofQueryHead)];
        return [.. Enumerable.Range(0, group[0].Length).Select(i => group.Average(row => row[i]))];
    }

    /// <summary>Sum over all query heads of a layer.</summary>
    internal static double[] LayerSum(OracleTensors t, Func<int, double[]> ofQueryHead)
    {
        double[][] heads = [.. Enumerable.Range(0, t.QueryHeads).Select(ofQueryHead)];
        return [.. Enumerable.Range(0, heads[0].Length).Select(i => heads.Sum(row => row[i]))];
    }

    /// <summary>Takes neighbours in: the mean over the full width with zeros beyond the ends, or the maximum.</summary>
    internal static double[] Pool(double[] competing, int width, bool average)
    {
        var pooled = new double[competing.Length];
        for (int i = 0; i < pooled.Length; i++)
        {
            double[] near = [.. Enumerable.Range(i - width / 2, width).Where(j => j >= 0 && j < competing.Length).Select(j => competing[j])];
            pooled[i] = average ? near.Sum() / width : near.Max();
        }

        return pooled;
    }
}
