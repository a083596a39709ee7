using System.Diagnostics.CodeAnalysis;
using KvPolicy.Inference.Loading;
using KvPolicy.Inference.Models;
using KvPolicy.Inference.Tokenization.Chat.Templates;

namespace KvPolicy.Inference.Tokenization.Chat;

/// <summary>
/// A model's chat template, ready to render. Templates are small Jinja programs; they are read and carried out as such, not recognised by
/// their look, so that default system messages, trimming and whatever else a template does come out as its authors meant.
/// </summary>
internal sealed class ChatTemplate
{
    private const int MaxLength = 1 << 20;
    private const string Remedy = "use a plain prompt (without --chat)";

    private readonly string _file;
    private readonly IReadOnlyDictionary<string, string> _namedTokens;
    private readonly IReadOnlyList<Statement> _template;

    private ChatTemplate(string file, ChatTemplateSource source, IReadOnlyList<Statement> template)
        => (_file, _namedTokens, _template) = (file, source.NamedTokens, template);

    /// <summary>Reads a template; where there is none, or one with constructs that are not known, <paramref name="problem"/> is what to throw when a
    /// chat is asked for.</summary>
    internal static bool TryParse(string file, ChatTemplateSource source, [NotNullWhen(true)] out ChatTemplate? template,
        [NotNullWhen(false)] out ModelFormatException? problem)
    {
        (template, problem) = (null, null);
        if (source.Text is null)
        {
            problem = LoadError.Of(file, "chat template", "the model has none", Remedy);
            return false;
        }
        try
        {
            if (source.Text.Length > MaxLength) throw new TemplateException($"{source.Text.Length} characters are too many");
            template = new ChatTemplate(file, source, TemplateParser.Parse(source.Text));
            return true;
        }
        catch (TemplateException e)
        {
            problem = LoadError.Of(file, "chat template", e.Message, Remedy, e);
            return false;
        }
    }

    /// <exception cref="ModelFormatException">The template refuses the messages, or does what is not supported.</exception>
    internal ChatText Render(IReadOnlyList<ChatMessage> messages, bool addGenerationPrompt)
    {
        var list = new List<object?>();
        int origin = 0, last = 0;
        foreach (ChatMessage message in messages)
        {
            last = origin;
            var entry = new TemplateDict();
            entry.Add("role", new TemplateText(message.Role));
            entry.Add("content", TemplateText.FromMessages(message.Content, origin));
            list.Add(entry);
            origin += message.Content.Length;
        }
        var variables = new Dictionary<string, object?>
        {
            ["messages"] = list,
            ["add_generation_prompt"] = addGenerationPrompt,
            ["tools"] = null,
            ["documents"] = null,
        };
        foreach ((string name, string text) in _namedTokens) variables[name] = new TemplateText(text);
        try
        {
            TemplateText text = TemplateInterpreter.Render(_template, variables);
            return new ChatText(text.Value, text.Origins ?? [.. Enumerable.Repeat(-1, text.Length)], last);
        }
        catch (TemplateException e)
        {
            throw LoadError.Of(_file, "chat template", e.Message, Remedy, e);
        }
    }
}
