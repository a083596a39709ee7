using KvPolicy.Inference.Models;
using KvPolicy.Inference.Tokenization;

namespace KvPolicy.Inference.Loading;

/// <summary>Last step of every format: weights and tokenizer must fit each other.</summary>
internal static class ModelAssembly
{
    internal static Model Finish(string name, ModelConfig config, ModelWeights weights, ITextTokenizer tokenizer, IDisposable files, long fileBytes)
    {
        if (tokenizer.VocabularySize > config.VocabularySize)
        {
            throw LoadError.Of(name, "vocabulary",
                $"the tokenizer has {tokenizer.VocabularySize} ids, the embedding only {config.VocabularySize} rows",
                "use the tokenizer that belongs to the weights");
        }
        foreach (int id in tokenizer.EndIds.Append(tokenizer.BosId))
        {
            if (id >= config.VocabularySize)
            {
                throw LoadError.Damaged(name, "special ids", $"{id} is not below the vocabulary of {config.VocabularySize}");
            }
        }
        return new Model(name, config, weights, tokenizer, files, fileBytes);
    }
}
