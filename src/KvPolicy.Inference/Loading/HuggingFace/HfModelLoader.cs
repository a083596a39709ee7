using KvPolicy.Inference.Models;
using KvPolicy.Inference.Tokenization;

namespace KvPolicy.Inference.Loading.HuggingFace;

/// <summary>A model from a Hugging Face folder: config.json, safetensors, tokenizer files.</summary>
internal static class HfModelLoader
{
    internal static Model Load(string name, ModelFolder folder, Func<ITextTokenizer>? named)
    {
        (ModelConfig config, bool tied) = HfConfig.Read(folder);
        var table = new TensorTable(folder.Name);
        HfShards shards = HfShards.Open(folder, table);
        try
        {
            if (!tied && !table.Has(WeightNames.HuggingFace.Classifier))
            {
                throw LoadError.Of(folder.Name, WeightNames.HuggingFace.Classifier, "the tensor is missing",
                    "fetch all weights; where the embedding is the classifier, set tie_word_embeddings in config.json");
            }
            ModelWeights weights = new WeightBinder(table, config, WeightNames.HuggingFace).Bind(tied);
            table.RefuseLeftOvers(tensor => IsHarmless(tensor, tied));
            ITextTokenizer tokenizer = named is null ? TokenizerFactory.FromFolder(folder) : named();
            return ModelAssembly.Finish(name, config, weights, tokenizer, shards, shards.FileBytes);
        }
        catch
        {
            shards.Dispose();
            throw;
        }
    }

    // Tables of frequencies that follow from the base, and the copy of a tied embedding.
    private static bool IsHarmless(string tensor, bool tied)
        => tensor.EndsWith(".rotary_emb.inv_freq", StringComparison.Ordinal) || (tied && tensor == WeightNames.HuggingFace.Classifier);
}
