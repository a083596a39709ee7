using KvPolicy.Cli.CommandLine;
using KvPolicy.Inference.Loading;
using KvPolicy.Inference.Models;
using KvPolicy.Inference.Tokenization;

namespace KvPolicy.Cli.Commands;

/// <summary>Which model a command works on.</summary>
internal static class ModelOptions
{
    private static readonly Option ModelOption = new("--model", "M", "a .gguf, a model folder, a llama2.c .bin, or `embedded`");
    private static readonly Option TokenizerOption = new("--tokenizer", "F", "tokenizer file instead of the model's own");

    /// <summary>The options.</summary>
    internal static IReadOnlyList<Option> All { get; } = [ModelOption, TokenizerOption];

    /// <summary>Loads model and tokenizer.</summary>
    internal static Model Load(Arguments arguments)
    {
        (string path, string? tokenizer) = Paths(arguments);
        return ModelLoader.Load(path, tokenizer);
    }

    /// <summary>Loads the tokenizer alone; a file of vocabulary only will do.</summary>
    internal static ITextTokenizer LoadTokenizer(Arguments arguments)
    {
        (string path, string? tokenizer) = Paths(arguments);
        return ModelLoader.LoadTokenizer(path, tokenizer);
    }

    /// <summary>Refuses <c>--chat</c> where the model has no template.</summary>
    internal static void NeedsTemplate(Arguments arguments, ITextTokenizer tokenizer)
    {
        if (!tokenizer.HasChatTemplate) throw new UsageException($"--chat: the files of {arguments.Required("--model")} name no chat template that is known; leave --chat out");
    }

    private static (string Path, string? Tokenizer) Paths(Arguments arguments)
    {
        string path = arguments.Required("--model");
        if (path.Length == 0) throw new UsageException($"--model: the path is empty; name {ModelOption.Help}");
        string? tokenizer = arguments.Text("--tokenizer");
        if (tokenizer is "") throw new UsageException("--tokenizer: the path is empty; name a tokenizer's file");
        return (path, tokenizer);
    }
}
