using KvPolicy.Inference.Hub;
using KvPolicy.Inference.Loading.Gguf;
using KvPolicy.Inference.Loading.HuggingFace;
using KvPolicy.Inference.Loading.Llama2c;
using KvPolicy.Inference.Models;
using KvPolicy.Inference.Tokenization;

namespace KvPolicy.Inference.Loading;

/// <summary>
/// Loads models: a .gguf (or the first part of several), a Hugging Face folder, a llama2.c .bin, a model of the hub (<c>hf:ORG/NAME</c>), or
/// <see cref="Embedded"/>. The format is told by content, not by name.
/// </summary>
public static class ModelLoader
{
    /// <summary>Name of the model that is part of this assembly.</summary>
    public const string Embedded = "embedded";

    private const string Names = $"name a .gguf, a model folder, a llama2.c .bin, {HubModel.Prefix}ORG/NAME, or `{Embedded}`";
    private const string EmbeddedResources = "kvpolicy-tiny";

    /// <summary>
    /// Maps a model's weights and builds its tokenizer. Weights stay in the files: they become resident as they are used, and unmapped with the
    /// model.
    /// </summary>
    /// <param name="path">File, folder, <see cref="Embedded"/>, or <c>hf:ORG/NAME</c> (<see cref="HubModel"/>), which is fetched where the cache
    /// lacks it.</param>
    /// <param name="tokenizerPath">Tokenizer to use instead of the model's own: a folder, tokenizer.json, tokenizer.model, a .gguf, or llama2.c's
    /// tokenizer.bin.</param>
    /// <returns>The model; the caller disposes it.</returns>
    /// <exception cref="ModelFormatException">The files are absent, damaged, contradictory, or hold what the engine does not know; the message is
    /// one line that names file, field and remedy.</exception>
    /// <exception cref="HubException">A model of the hub cannot be had.</exception>
    public static Model Load(string path, string? tokenizerPath = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        path = ModelHub.Resolve(path);
        return FormatOf(path) switch
        {
            Format.Embedded => HfModelLoader.Load(Embedded, ModelFolder.InResources(EmbeddedResources), Named(tokenizerPath)),
            Format.Folder => HfModelLoader.Load(path, ModelFolder.OnDisk(path), Named(tokenizerPath)),
            Format.Gguf => GgufModelLoader.Load(path, Named(tokenizerPath)),
            _ => Llama2cModelLoader.Load(path, tokenizerPath),
        };
    }

    /// <summary>Builds the tokenizer alone; the weights need not be there (a GGUF of vocabulary alone, a folder without safetensors).</summary>
    /// <param name="path">As for <see cref="Load"/>.</param>
    /// <param name="tokenizerPath">As for <see cref="Load"/>.</param>
    /// <exception cref="ModelFormatException">As for <see cref="Load"/>.</exception>
    /// <exception cref="HubException">As for <see cref="Load"/>.</exception>
    public static ITextTokenizer LoadTokenizer(string path, string? tokenizerPath = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        path = ModelHub.Resolve(path);
        Format format = FormatOf(path);
        if (tokenizerPath is not null && format != Format.Llama2c) return NamedTokenizer.Load(tokenizerPath, null);
        return format switch
        {
            Format.Embedded => TokenizerFactory.FromFolder(ModelFolder.InResources(EmbeddedResources)),
            Format.Folder => TokenizerFactory.FromFolder(ModelFolder.OnDisk(path)),
            Format.Gguf => GgufModelLoader.LoadTokenizer(path),
            _ => Llama2cModelLoader.LoadTokenizer(path, tokenizerPath),
        };
    }

    private enum Format
    {
        Embedded,
        Folder,
        Gguf,
        Llama2c,
    }

    private static Format FormatOf(string path)
    {
        if (path == Embedded) return Format.Embedded;
        if (Directory.Exists(path)) return Format.Folder;
        if (!File.Exists(path))
        {
            throw LoadError.Of(path, "model", "no such file or folder", Names);
        }
        if (GgufFile.HasMagic(path)) return Format.Gguf;
        return Path.GetExtension(path).ToLowerInvariant() switch
        {
            ".gguf" => Format.Gguf, // opened as such, so that its message speaks of GGUF
            ".bin" => Format.Llama2c,
            ".safetensors" or ".json" => throw LoadError.Of(path, "model", "is one file of a model folder", "name the folder"),
            _ => throw LoadError.Of(path, "model", "is neither a .gguf nor a llama2.c .bin",
                Names),
        };
    }

    private static Func<ITextTokenizer>? Named(string? tokenizerPath)
        => tokenizerPath is null ? null : () => NamedTokenizer.Load(tokenizerPath, null);
}
