using KvPolicy.Inference.Models;

namespace KvPolicy.Cli.Verification;

/// <summary>Whether the row that is being computed attends to a key; its own key and what the model's own rules hide are not asked for.</summary>
/// <param name="layer">Layer.</param>
/// <param name="kvHead">KV head.</param>
/// <param name="position">Position of the key, below the row's own.</param>
internal delegate bool Sees(int layer, int kvHead, int position);

/// <summary>
/// The model written down a second time, from its formulas, to be compared with the engine: double precision, one row at a time, plain loops,
/// every key kept for ever; what a policy evicts is masked instead. Shares no arithmetic with the engine. For small models.
/// </summary>
internal sealed class NaiveTransformer
{
    private readonly ModelConfig _config;
    private readonly NaiveWeights _weights;

    internal NaiveTransformer(Model model) => (_config, _weights) = (model.Config, new NaiveWeights(model.Weights));

    /// <summary>A sequence without tokens.</summary>
    internal NaiveSequence Begin() => new(_config.Layers);

    /// <summary>Appends a token and computes its row.</summary>
    /// <param name="sequence">Grows by one.</param>
    /// <param name="id">The token.</param>
    /// <param name="sees">Keys that are not masked; null for all.</param>
    /// <param name="wantsLogits">False to skip the classifier.</param>
    /// <returns>[vocabulary], or empty.</returns>
    internal double[] Step(NaiveSequence sequence, int id, Sees? sees = null, bool wantsLogits = true)
    {
        int position = sequence.Length;
        double[] x = _weights.Embedding.Row(id);
        for (int l = 0; l < _config.Layers; l++)
        {
            NaiveLayer layer = _weights.Layers[l];
            double[] h = Norm(x, layer.AttentionNorm);
            double[] query = Heads(layer.Query, layer.QueryBias, layer.QueryNorm, h, position);
            sequence.Keys[l].Add(Heads(layer.Key, layer.KeyBias, layer.KeyNorm, h, position));
            sequence.Values[l].Add(Project(layer.Value, layer.ValueBias, h));
            Add(x, layer.Output.Times(Attend(sequence, l, query, position, sees)));
            Add(x, FeedForward(layer, Norm(x, layer.FeedForwardNorm)));
        }

        return wantsLogits ? _weights.Classifier.Times(Norm(x, _weights.OutputNorm)) : [];
    }

    private double[] Attend(NaiveSequence sequence, int layer, double[] query, int position, Sees? sees)
    {
        int dim = _config.HeadDim;
        var output = new double[_config.QueryHeads * dim];
        var logits = new double[position + 1];
        for (int head = 0; head < _config.QueryHeads; head++)
        {
            int kvHead = head / _config.GroupSize;
            for (int j = 0; j <= position; j++)
            {
                bool hidden = _config.SlidingWindow > 0 && position - j >= _config.SlidingWindow;
                bool masked = j < position && sees is not null && !sees(layer, kvHead, j);
                logits[j] = hidden || masked ? double.NegativeInfinity : Dot(query, head * dim, sequence.Keys[layer][j], kvHead * dim, dim) / Math.Sqrt(dim);
            }

            AddWeighted(output, head * dim, logits, sequence.Values[layer], kvHead * dim, dim);
        }

        return output;
    }

    private static void AddWeighted(double[] output, int at, double[] logits, List<double[]> values, int from, int dim)
    {
        double largest = logits.Max(), total = 0;
        foreach (double logit in logits) total += Math.Exp(logit - largest);
        for (int j = 0; j < logits.Length; j++)
        {
            double p = Math.Exp(logits[j] - largest) / total;
            for (int c = 0; c < dim && p > 0; c++) output[at + c] += p * values[j][from + c];
        }
    }

    private double[] Heads(NaiveMatrix weight, NaiveMatrix? bias, NaiveMatrix? norm, double[] h, int position)
    {
        double[] heads = Project(weight, bias, h);
        for (int at = 0; at < heads.Length; at += _config.HeadDim)
        {
            if (norm is not null) Norm(heads.AsSpan(at, _config.HeadDim), norm).CopyTo(heads, at);
            Rotate(heads.AsSpan(at, _config.HeadDim), position);
        }

        return heads;
    }

    private void Rotate(Span<double> head, int position)
    {
        int half = head.Length / 2;
        for (int i = 0; i < half; i++)
        {
            double angle = position * Math.Pow(_config.RopeTheta, -2.0 * i / head.Length) / (_config.RopeDivisors?[i] ?? 1);
            (int a, int b) = _config.RopePairing == RopePairing.Halves ? (i, i + half) : (2 * i, 2 * i + 1);
            (double sin, double cos) = Math.SinCos(angle);
            (head[a], head[b]) = (head[a] * cos - head[b] * sin, head[a] * sin + head[b] * cos);
        }
    }

    private double[] Norm(ReadOnlySpan<double> x, NaiveMatrix weight)
    {
        double squares = 0;
        foreach (double value in x) squares += value * value;
        double scale = 1 / Math.Sqrt(squares / x.Length + _config.RmsEpsilon);
        var y = new double[x.Length];
        for (int i = 0; i < y.Length; i++) y[i] = x[i] * scale * weight.Values[i];
        return y;
    }

    private static double[] FeedForward(NaiveLayer layer, double[] h)
    {
        double[] gate = layer.Gate.Times(h), up = layer.Up.Times(h);
        for (int i = 0; i < gate.Length; i++) gate[i] = gate[i] / (1 + Math.Exp(-gate[i])) * up[i];
        return layer.Down.Times(gate);
    }

    private static double[] Project(NaiveMatrix weight, NaiveMatrix? bias, double[] h)
    {
        double[] y = weight.Times(h);
        for (int i = 0; i < y.Length && bias is not null; i++) y[i] += bias.Values[i];
        return y;
    }

    private static void Add(double[] x, double[] y)
    {
        for (int i = 0; i < x.Length; i++) x[i] += y[i];
    }

    private static double Dot(double[] a, int atA, double[] b, int atB, int count)
    {
        double sum = 0;
        for (int c = 0; c < count; c++) sum += a[atA + c] * b[atB + c];
        return sum;
    }
}

/// <summary>Keys (after RoPE) and values of every token so far.</summary>
internal sealed class NaiveSequence
{
    internal NaiveSequence(int layers) => (Keys, Values) = ([.. Enumerable.Range(0, layers).Select(_ => new List<double[]>())], [.. Enumerable.Range(0, layers).Select(_ => new List<double[]>())]);

    private NaiveSequence(NaiveSequence other) => (Keys, Values) = ([.. other.Keys.Select(k => k.ToList())], [.. other.Values.Select(v => v.ToList())]);

    /// <summary>[layers][tokens] of [kvHeads * headDim]</summary>
    internal List<double[]>[] Keys { get; }

    /// <summary>[layers][tokens] of [kvHeads * headDim]</summary>
    internal List<double[]>[] Values { get; }

    /// <summary>Tokens.</summary>
    internal int Length => Keys[0].Count;

    /// <summary>A copy that goes on by itself; rows are never changed, so they are shared.</summary>
    internal NaiveSequence Fork() => new(this);
}
