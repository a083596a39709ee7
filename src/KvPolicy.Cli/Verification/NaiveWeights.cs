using KvPolicy.Inference.Models;

namespace KvPolicy.Cli.Verification;

/// <summary>A matrix [Rows, Columns] of plain numbers; a vector has one row.</summary>
internal sealed record NaiveMatrix(float[] Values, int Rows, int Columns)
{
    /// <summary>y = W x.</summary>
    /// <param name="x">[columns]</param>
    /// <returns>[rows]</returns>
    internal double[] Times(double[] x)
    {
        var y = new double[Rows];
        for (int r = 0; r < Rows; r++)
        {
            double sum = 0;
            for (int c = 0; c < Columns; c++) sum += Values[r * Columns + c] * x[c];
            y[r] = sum;
        }

        return y;
    }

    /// <summary>One row.</summary>
    internal double[] Row(int r)
    {
        var row = new double[Columns];
        for (int c = 0; c < Columns; c++) row[c] = Values[r * Columns + c];
        return row;
    }
}

/// <summary>Weights of a layer, dequantised.</summary>
internal sealed record NaiveLayer(
    NaiveMatrix AttentionNorm, NaiveMatrix Query, NaiveMatrix Key, NaiveMatrix Value, NaiveMatrix Output,
    NaiveMatrix? QueryBias, NaiveMatrix? KeyBias, NaiveMatrix? ValueBias, NaiveMatrix? QueryNorm, NaiveMatrix? KeyNorm,
    NaiveMatrix FeedForwardNorm, NaiveMatrix Gate, NaiveMatrix Up, NaiveMatrix Down);

/// <summary>Every weight of a model, dequantised once. For small models.</summary>
internal sealed class NaiveWeights
{
    internal NaiveWeights(ModelWeights weights)
    {
        Embedding = Plain(weights.Embedding);
        Classifier = ReferenceEquals(weights.Embedding, weights.Classifier) ? Embedding : Plain(weights.Classifier);
        OutputNorm = Plain(weights.OutputNorm);
        Layers = [.. weights.Layers.Select(Plain)];
    }

    internal NaiveMatrix Embedding { get; }

    internal NaiveMatrix Classifier { get; }

    internal NaiveMatrix OutputNorm { get; }

    internal IReadOnlyList<NaiveLayer> Layers { get; }

    private static NaiveLayer Plain(LayerWeights w) => new(
        Plain(w.AttentionNorm), Plain(w.Query), Plain(w.Key), Plain(w.Value), Plain(w.AttentionOutput),
        PlainOrNone(w.QueryBias), PlainOrNone(w.KeyBias), PlainOrNone(w.ValueBias), PlainOrNone(w.QueryNorm), PlainOrNone(w.KeyNorm),
        Plain(w.FeedForwardNorm), Plain(w.Gate), Plain(w.Up), Plain(w.Down));

    private static NaiveMatrix Plain(ModelTensor tensor) => new(Dequantizer.All(tensor), tensor.Rows, tensor.Columns);

    private static NaiveMatrix? PlainOrNone(ModelTensor? tensor) => tensor is null ? null : Plain(tensor);
}
