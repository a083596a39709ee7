namespace KvPolicy.Inference.Tokenization.Chat;

/// <summary>A chat template as a model's files give it.</summary>
/// <param name="Text">Jinja; null where the files have none.</param>
/// <param name="NamedTokens">What templates may ask for: bos_token, eos_token and so on.</param>
internal sealed record ChatTemplateSource(string? Text, IReadOnlyDictionary<string, string> NamedTokens)
{
    internal static readonly ChatTemplateSource None = new(null, new Dictionary<string, string>());
}
