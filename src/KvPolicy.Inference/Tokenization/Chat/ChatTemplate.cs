using KvPolicy.Inference.Loading;
using KvPolicy.Inference.Models;

namespace KvPolicy.Inference.Tokenization.Chat;

/// <summary>A model's chat template, ready to render.</summary>
internal sealed class ChatTemplate
{
    /// <exception cref="ModelFormatException">There is none.</exception>
    internal static ChatTemplate Parse(string file, ChatTemplateSource source)
        => throw LoadError.Of(file, "chat template", source.Text is null ? "the model has none" : "is not supported", "use a plain prompt");

    internal ChatText Render(IReadOnlyList<ChatMessage> messages, bool addGenerationPrompt) => throw new NotSupportedException($"{messages.Count} {addGenerationPrompt}");
}
