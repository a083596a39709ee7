using KvPolicy.Inference.Models;
using KvPolicy.Inference.Tokenization;

namespace KvPolicy.Inference.Loading.Gguf;

/// <summary>A model from a GGUF file or its parts.</summary>
internal static class GgufModelLoader
{
    internal static Model Load(string path, Func<ITextTokenizer>? named)
    {
        GgufParts parts = GgufParts.Open(path);
        try
        {
            var table = new TensorTable(path);
            foreach (GgufFile file in parts.Files) GgufTensors.AddTo(table, file);
            if (table.Count == 0)
            {
                throw LoadError.Of(path, "tensor count", "the file is a vocabulary without weights", "use it for tokenizing, or name a whole model");
            }
            ModelConfig config = GgufConfig.Read(parts.First, table);
            ModelWeights weights = new WeightBinder(table, config, WeightNames.Gguf).Bind(tied: !table.Has(WeightNames.Gguf.Classifier));
            table.RefuseLeftOvers(IsHarmless);
            ITextTokenizer tokenizer = named is null ? TokenizerFactory.FromGguf(parts.First) : named();
            return ModelAssembly.Finish(path, config, weights, tokenizer, parts, parts.Files.Sum(f => f.Bytes.Length));
        }
        catch
        {
            parts.Dispose();
            throw;
        }
    }

    /// <summary>The tokenizer alone; a vocabulary without weights will do, of any architecture.</summary>
    internal static ITextTokenizer LoadTokenizer(string path)
    {
        using GgufFile file = GgufFile.Open(path);
        return TokenizerFactory.FromGguf(file);
    }

    // Tables of RoPE frequencies that old converters wrote; they follow from the base.
    private static bool IsHarmless(string name)
        => name.StartsWith(WeightNames.Gguf.LayerPrefix, StringComparison.Ordinal)
            && name.EndsWith(".attn_rot_embd", StringComparison.Ordinal);
}
