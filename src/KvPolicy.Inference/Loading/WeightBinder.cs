using KvPolicy.Inference.Models;

namespace KvPolicy.Inference.Loading;

/// <summary>Takes every weight of a model out of a table of tensors, each of exactly the shape that the config asks for.</summary>
/// <param name="table">All tensors.</param>
/// <param name="config">Numbers of the model, checked.</param>
/// <param name="names">What the format calls them.</param>
internal sealed class WeightBinder(TensorTable table, ModelConfig config, WeightNames names)
{
    /// <summary>The weights.</summary>
    /// <param name="tied">The embedding is the classifier.</param>
    internal ModelWeights Bind(bool tied)
    {
        ModelTensor embedding = table.Matrix(names.Embedding, config.VocabularySize, config.HiddenSize);
        ModelTensor norm = table.Vector(names.OutputNorm, config.HiddenSize);
        ModelTensor classifier = tied ? embedding : table.Matrix(names.Classifier, config.VocabularySize, config.HiddenSize);
        // Grows with what is found: a lying layer count ends at the first missing tensor.
        var layers = new List<LayerWeights>();
        for (int layer = 0; layer < config.Layers; layer++) layers.Add(BindLayer($"{names.LayerPrefix}{layer}."));
        return new ModelWeights { Embedding = embedding, Layers = layers, OutputNorm = norm, Classifier = classifier };
    }

    private LayerWeights BindLayer(string prefix)
    {
        long hidden = config.HiddenSize;
        long query = (long)config.QueryHeads * config.HeadDim;
        long keyValue = (long)config.KvHeads * config.HeadDim;
        ModelTensor Matrix(string name, long rows, long columns) => table.Matrix(prefix + name + ".weight", rows, columns);
        return new LayerWeights
        {
            AttentionNorm = table.Vector(prefix + names.AttentionNorm + ".weight", hidden),
            Query = Matrix(names.Query, query, hidden),
            Key = Matrix(names.Key, keyValue, hidden),
            Value = Matrix(names.Value, keyValue, hidden),
            AttentionOutput = Matrix(names.AttentionOutput, hidden, query),
            QueryBias = Bias(prefix + names.Query, query),
            KeyBias = Bias(prefix + names.Key, keyValue),
            ValueBias = Bias(prefix + names.Value, keyValue),
            QueryNorm = HeadNorm(prefix + names.QueryNorm),
            KeyNorm = HeadNorm(prefix + names.KeyNorm),
            FeedForwardNorm = table.Vector(prefix + names.FeedForwardNorm + ".weight", hidden),
            Gate = Matrix(names.Gate, config.FeedForwardSize, hidden),
            Up = Matrix(names.Up, config.FeedForwardSize, hidden),
            Down = Matrix(names.Down, hidden, config.FeedForwardSize),
        };
    }

    // Qwen2 always has these three; a Llama or Mistral file may (its o bias, which the engine lacks, is then refused as left over).
    private ModelTensor? Bias(string name, long length) => config.Architecture == Architecture.Qwen2
        ? table.Vector(name + ".bias", length)
        : config.Architecture == Architecture.Qwen3 ? null : table.OptionalVector(name + ".bias", length);

    private ModelTensor? HeadNorm(string name) => config.Architecture == Architecture.Qwen3
        ? table.Vector(name + ".weight", config.HeadDim)
        : null;
}
