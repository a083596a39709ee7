using KvPolicy.Inference.Loading.Gguf;
using KvPolicy.Inference.Models;
using KvPolicy.Inference.Tokenization;

namespace KvPolicy.Inference.Loading;

/// <summary>A tokenizer that was named apart from its model: a folder, a file of one, a GGUF, or llama2.c's tokenizer.bin.</summary>
internal static class NamedTokenizer
{
    /// <param name="path">What was named.</param>
    /// <param name="vocabulary">Ids of the model, where llama2.c's form (which does not say how many it has) is possible.</param>
    internal static ITextTokenizer Load(string path, int? vocabulary)
    {
        if (Directory.Exists(path)) return TokenizerFactory.FromFolder(ModelFolder.OnDisk(path));
        if (!File.Exists(path)) throw LoadError.Of(path, "tokenizer", "no such file or folder", "check the spelling of the path");
        if (GgufFile.HasMagic(path)) return GgufModelLoader.LoadTokenizer(path);
        if (Path.GetFileName(path) is "tokenizer.json" or "tokenizer.model")
        {
            return TokenizerFactory.FromFolder(ModelFolder.OnDisk(Path.GetDirectoryName(Path.GetFullPath(path))!));
        }
        return vocabulary is { } ids
            ? TokenizerFactory.FromLlama2c(path, ids)
            : throw LoadError.Of(path, "tokenizer", "is no tokenizer for this model", "name a folder, tokenizer.json, tokenizer.model or a .gguf");
    }
}
