namespace KvPolicy.Inference.Tokenization.Chat.Templates;

/// <summary>A template that cannot be read or rendered; the message says what is unknown or wrong.</summary>
internal sealed class TemplateException(string message) : Exception(message);
