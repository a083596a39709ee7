using KvPolicy.Cli.CommandLine;
using KvPolicy.Cli.Commands;
using KvPolicy.Inference.Chat;
using KvPolicy.Inference.Tokenization;

namespace KvPolicy.Cli.Inputs;

/// <summary>A prompt as <c>run</c> feeds it: its ids, and the shot of each.</summary>
/// <param name="Ids">[n]</param>
/// <param name="Shots">[n], -1 outside shots; empty where the prompt has none.</param>
internal sealed record PromptInput(int[] Ids, int[] Shots)
{
    /// <summary>The options.</summary>
    internal static IReadOnlyList<Option> Options { get; } =
    [
        new("--prompt", "T", "the prompt"),
        new("--prompt-file", "F", "the prompt, byte for byte as UTF-8"),
        new("--chat", null, "the prompt is one user message in the model's chat template"),
        new("--special", null, "special tokens written in the prompt are recognised"),
        new("--shots", "SEPARATOR", "cuts the prompt after each separator; every piece but the last is a shot"),
        new("--shot-map", "F", "a JSON array: the shot of each prompt token, -1 for none"),
    ];

    /// <summary>True where a prompt was given.</summary>
    internal static bool IsGiven(Arguments arguments) => arguments.Has("--prompt") || arguments.Has("--prompt-file");

    /// <summary>The prompt's text, from either option.</summary>
    internal static string ReadText(Arguments arguments)
    {
        arguments.OneOf("--prompt", "--prompt-file");
        arguments.OneOf("--shots", "--shot-map");
        if (arguments.Text("--shots") is "") throw new UsageException("--shots: the separator is empty; give the text that ends a shot");
        if (arguments.Text("--prompt-file") is { } file) return TextFile.Read("--prompt-file", file);
        return arguments.Text("--prompt") ?? throw new UsageException($"--prompt or --prompt-file is missing; see `kvpolicy {arguments.Command.Name} --help`");
    }

    /// <summary>Tokens of the text; refused where there are none, or more than the context holds.</summary>
    internal static PromptInput Encode(Arguments arguments, string text, ITextTokenizer tokenizer, int context)
    {
        bool special = arguments.Has("--special");
        if (arguments.Has("--chat")) ModelOptions.NeedsTemplate(arguments, tokenizer);
        IReadOnlyList<TextToken> tokens = arguments.Has("--chat") ? tokenizer.EncodeChat(text, special) : tokenizer.Encode(text, new EncodeOptions(special, AddSpecial: true));
        if (tokens.Count == 0) throw new UsageException("the prompt has no tokens; give some text");
        if (tokens.Count > context) throw new UsageException($"the prompt has {tokens.Count} tokens, but the model's context holds {context}; shorten the prompt");
        return new PromptInput([.. tokens.Select(t => t.Id)], ShotsOf(arguments, text, tokens));
    }

    /// <summary>Tokens of a text that follows what was said already: no BOS, and with <c>--chat</c> the end of the last answer before it.</summary>
    internal static PromptInput EncodeFurther(Arguments arguments, string text, ITextTokenizer tokenizer, int said, int capacity)
    {
        bool special = arguments.Has("--special");
        if (arguments.Has("--chat")) ModelOptions.NeedsTemplate(arguments, tokenizer);
        IReadOnlyList<TextToken> tokens = arguments.Has("--chat") ? FurtherTurn.Encode(tokenizer, text, special) : tokenizer.Encode(text, new EncodeOptions(special, AddSpecial: false));
        if (tokens.Count == 0) throw new UsageException("the prompt has no tokens; give some text, or leave it out to go on generating");
        if (tokens.Count > capacity - said) throw new UsageException($"the prompt has {tokens.Count} tokens after the session's {said}, but the session holds {capacity}; shorten the prompt");
        return new PromptInput([.. tokens.Select(t => t.Id)], ShotsOf(arguments, text, tokens));
    }

    /// <summary>A shot map from a file, one number for each of so many tokens; empty without the option.</summary>
    internal static int[] ReadShotMap(Arguments arguments, int tokens)
    {
        if (arguments.Text("--shot-map") is not { } file) return [];
        int[] map = JsonFile.Numbers("--shot-map", file, "shot's number", -1, int.MaxValue);
        return map.Length == tokens ? map : throw new UsageException($"--shot-map {file}: holds {map.Length} numbers for {tokens} tokens; give one for each token");
    }

    private static int[] ShotsOf(Arguments arguments, string text, IReadOnlyList<TextToken> tokens)
        => arguments.Text("--shots") is { } separator ? ShotSplitter.Map(text, separator, tokens) : ReadShotMap(arguments, tokens.Count);
}
