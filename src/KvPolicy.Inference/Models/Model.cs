using KvPolicy.Inference.Tokenization;

namespace KvPolicy.Inference.Models;

/// <summary>A loaded model: numbers, mapped weights, tokenizer, chat template. Disposing it unmaps the files.</summary>
public sealed class Model : IDisposable
{
    private readonly IDisposable _files;

    internal Model(string name, ModelConfig config, ModelWeights weights, ITextTokenizer tokenizer, IDisposable files, long fileBytes)
        => (Name, Config, Weights, Tokenizer, _files, FileBytes) = (name, config, weights, tokenizer, files, fileBytes);

    /// <summary>Path or resource that it was loaded from.</summary>
    public string Name { get; }

    /// <summary>Numbers of the model.</summary>
    public ModelConfig Config { get; }

    /// <summary>Weights, as stored.</summary>
    internal ModelWeights Weights { get; }

    /// <summary>Text to ids and back, special tokens, chat template.</summary>
    public ITextTokenizer Tokenizer { get; }

    /// <summary>Bytes of the mapped weight files.</summary>
    public long FileBytes { get; }

    /// <inheritdoc/>
    public void Dispose() => _files.Dispose();
}

/// <summary>A model, tokenizer or session file that cannot be used. The message is one line: file, field, remedy.</summary>
public sealed class ModelFormatException(string message, Exception? inner = null) : Exception(message, inner);
