using KvPolicy.Cli.CommandLine;
using KvPolicy.Cli.Output;
using KvPolicy.Inference.Hub;
using KvPolicy.Inference.Loading;
using KvPolicy.Inference.Models;
using KvPolicy.Inference.Tokenization;

namespace KvPolicy.Cli.Commands;

/// <summary>Which model a command works on.</summary>
internal static class ModelOptions
{
    private static readonly Option ModelOption = new("--model", "M", "a .gguf, a model folder, a llama2.c .bin, hf:ORG/NAME, or `embedded`");
    private static readonly Option TokenizerOption = new("--tokenizer", "F", "tokenizer file instead of the model's own");

    /// <summary>The options.</summary>
    internal static IReadOnlyList<Option> All { get; } = [ModelOption, TokenizerOption];

    /// <summary>The model that was named.</summary>
    internal static string PathOf(Arguments arguments)
    {
        string path = arguments.Required(ModelOption.Name);
        if (path.Length == 0) throw new UsageException($"--model: the path is empty; name {ModelOption.Help}");
        if (HubModel.IsName(path) && !HubModel.TryParse(path, out _, out string? problem)) throw new UsageException($"--model: {problem}");
        return path;
    }

    /// <summary>Where the model that was named lies; a model of the hub is fetched where the cache lacks it.</summary>
    internal static string Locate(Arguments arguments, Session session)
    {
        string path = PathOf(arguments);
        if (!HubModel.IsName(path)) return path;
        using var bar = new HubBar(session, arguments, path);
        return ModelHub.LocateAsync(HubModel.Parse(path), progress: bar).GetAwaiter().GetResult();
    }

    /// <summary>The tokenizer that was named, or null.</summary>
    internal static string? TokenizerOf(Arguments arguments)
        => arguments.Text(TokenizerOption.Name) is "" ? throw new UsageException("--tokenizer: the path is empty; name a tokenizer's file") : arguments.Text(TokenizerOption.Name);

    /// <summary>Loads the tokenizer alone; a file of vocabulary only will do.</summary>
    internal static ITextTokenizer LoadTokenizer(Arguments arguments, Session session) => ModelLoader.LoadTokenizer(Locate(arguments, session), TokenizerOf(arguments));

    /// <summary>Refuses <c>--chat</c> where the model has no template, or one that is not understood.</summary>
    internal static void NeedsTemplate(Arguments arguments, ITextTokenizer tokenizer)
    {
        if (tokenizer.HasChatTemplate) return;
        try
        {
            tokenizer.EncodeChat("", parseSpecial: false);
        }
        catch (ModelFormatException e)
        {
            throw new UsageException($"--chat with --model {PathOf(arguments)}: {e.Message}");
        }
    }
}
