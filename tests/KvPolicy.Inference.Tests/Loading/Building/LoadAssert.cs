using KvPolicy.Inference.Loading;
using KvPolicy.Inference.Models;

namespace KvPolicy.Inference.Tests.Loading.Building;

/// <summary>What every refusal and every loaded model must be.</summary>
internal static class LoadAssert
{
    /// <summary>Loading is refused with one line that names the file and each of the words.</summary>
    internal static void Refused(string path, params string[] words)
    {
        var e = Assert.Throws<ModelFormatException>(() => ModelLoader.Load(path).Dispose());
        OneLine(e, path);
        foreach (string word in words) Assert.Contains(word, e.Message, StringComparison.Ordinal);
    }

    internal static void OneLine(ModelFormatException e, string path)
    {
        Assert.StartsWith(path, e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(e.Message, c => char.IsControl(c));
        Assert.InRange(e.Message.Length, 20, 1200);
        Assert.Contains("; ", e.Message, StringComparison.Ordinal);
    }

    /// <summary>Reads every number of every weight: all of them lie in the file.</summary>
    internal static void Touch(Model model)
    {
        foreach (ModelTensor tensor in All(model.Weights))
        {
            var row = new float[tensor.Columns];
            for (int i = 0; i < tensor.Rows; i++) Dequantizer.Row(tensor, i, row);
        }
    }

    internal static IEnumerable<ModelTensor> All(ModelWeights weights)
    {
        IEnumerable<ModelTensor?> layers = weights.Layers.SelectMany(l => new[]
        {
            l.AttentionNorm, l.Query, l.Key, l.Value, l.AttentionOutput, l.QueryBias, l.KeyBias, l.ValueBias, l.QueryNorm, l.KeyNorm, l.FeedForwardNorm, l.Gate, l.Up, l.Down,
        });
        return layers.Append(weights.Embedding).Append(weights.OutputNorm).Append(weights.Classifier).OfType<ModelTensor>();
    }
}
