using System.Text.Json;
using KvPolicy.Cli.CommandLine;
using KvPolicy.Cli.Inputs;
using KvPolicy.Cli.Output;
using KvPolicy.Inference.Tokenization;

namespace KvPolicy.Cli.Commands;

/// <summary>Text to token ids, as <c>run</c> would feed them.</summary>
internal static class TokenizeCommand
{
    internal static Command Command { get; } = new()
    {
        Name = "tokenize",
        Summary = "token ids of a text, as `run` would feed them",
        Options =
        [
            .. ModelOptions.All,
            new("--text", "T", "the text"),
            new("--file", "F", "a JSON array of texts; the answer is an array of arrays"),
            new("--chat", null, "each text is one user message in the model's chat template"),
            new("--plain", null, "special tokens written in the text are text"),
            new("--special", null, "with --chat: special tokens written in the message are recognised"),
        ],
        Examples = ["kvpolicy tokenize --model embedded --text ' Q : flag of desia ?' --json", "kvpolicy tokenize --model smollm2.gguf --chat --file texts.json --json"],
        Run = Run,
    };

    private static int Run(Arguments arguments, Session session)
    {
        arguments.OneOf("--text", "--file");
        arguments.OneOf("--plain", "--special");
        arguments.Needs("--special", "--chat");
        if (!arguments.Has("--text") && !arguments.Has("--file")) throw new UsageException("--text or --file is missing; see `kvpolicy tokenize --help`");
        string[] texts = arguments.Text("--file") is { } file ? JsonFile.Texts("--file", file) : [arguments.Required("--text")];
        ITextTokenizer tokenizer = ModelOptions.LoadTokenizer(arguments, session);
        bool chat = arguments.Has("--chat");
        if (chat) ModelOptions.NeedsTemplate(arguments, tokenizer);
        IEnumerable<IReadOnlyList<TextToken>> all = texts.Select(text => chat
            ? tokenizer.EncodeChat(text, arguments.Has("--special"))
            : tokenizer.Encode(text, new EncodeOptions(ParseSpecial: !arguments.Has("--plain"), AddSpecial: true)));
        if (arguments.Json) session.WriteJson(json => Write(json, all, arguments.Has("--file")));
        else Print(session, all);
        return 0;
    }

    private static void Write(Utf8JsonWriter json, IEnumerable<IReadOnlyList<TextToken>> all, bool many)
    {
        if (many) json.WriteStartArray();
        foreach (IReadOnlyList<TextToken> tokens in all)
        {
            json.WriteStartArray();
            foreach (TextToken token in tokens) json.WriteNumberValue(token.Id);
            json.WriteEndArray();
        }

        if (many) json.WriteEndArray();
    }

    private static void Print(Session session, IEnumerable<IReadOnlyList<TextToken>> all)
    {
        foreach (IReadOnlyList<TextToken> tokens in all) session.Out.WriteLine(string.Join(' ', tokens.Select(t => t.Id)));
    }
}
