using KvPolicy.Inference.Models;

namespace KvPolicy.Inference.Tests.Ops;

/// <summary>The operations written from their formulas, in double, one number at a time.</summary>
internal static class Naive
{
    /// <summary>Sum of a[i] * b[i], and of its absolute terms.</summary>
    internal static (double Sum, double Size) Dot(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        double sum = 0, size = 0;
        for (int i = 0; i < a.Length; i++)
        {
            sum += (double)a[i] * b[i];
            size += Math.Abs((double)a[i] * b[i]);
        }

        return (sum, size);
    }

    /// <summary>x / sqrt(mean(x^2) + epsilon) * weight.</summary>
    internal static double[] RmsNorm(ReadOnlySpan<float> x, ReadOnlySpan<float> weight, double epsilon)
    {
        double squares = 0;
        foreach (float value in x) squares += (double)value * value;
        double root = Math.Sqrt(squares / x.Length + epsilon);
        var y = new double[x.Length];
        for (int i = 0; i < y.Length; i++) y[i] = x[i] / root * weight[i];
        return y;
    }

    /// <summary>One head turned by its position.</summary>
    internal static double[] Rope(ReadOnlySpan<float> x, int position, double theta, float[]? divisors, RopePairing pairing)
    {
        int dim = x.Length;
        var y = new double[dim];
        for (int i = 0; i < dim / 2; i++)
        {
            (int a, int b) = pairing == RopePairing.Halves ? (i, i + dim / 2) : (2 * i, 2 * i + 1);
            double angle = position * Math.Pow(theta, -2.0 * i / dim) / (divisors?[i] ?? 1.0);
            y[a] = x[a] * Math.Cos(angle) - x[b] * Math.Sin(angle);
            y[b] = x[a] * Math.Sin(angle) + x[b] * Math.Cos(angle);
        }

        return y;
    }

    /// <summary>Softmax attention of one query over some keys.</summary>
    /// <returns>Output [headDim], log-sum-exp, probabilities [keys].</returns>
    internal static (double[] Output, double LogSumExp, double[] Probabilities) Attend(ReadOnlySpan<float> query, IReadOnlyList<float[]> keys, IReadOnlyList<float[]> values, Func<int, bool> sees)
    {
        double highest = double.NegativeInfinity, total = 0;
        var logits = new double[keys.Count];
        for (int j = 0; j < keys.Count; j++)
        {
            logits[j] = sees(j) ? Dot(query, keys[j]).Sum / Math.Sqrt(query.Length) : double.NegativeInfinity;
            highest = Math.Max(highest, logits[j]);
        }

        foreach (double logit in logits) total += Math.Exp(logit - highest);
        double[] p = [.. logits.Select(logit => Math.Exp(logit - highest) / total)];
        var output = new double[query.Length];
        for (int j = 0; j < keys.Count; j++)
        {
            for (int c = 0; c < output.Length; c++) output[c] += p[j] * values[j][c];
        }

        return (output, highest + Math.Log(total), p);
    }
}
