using KvPolicy.Inference.Models;
using KvPolicy.Inference.Tokenization;

namespace KvPolicy.Inference.Chat;

/// <summary>
/// The tokens with which a model's template goes on after an answer: the end of the assistant's turn, the user's next words, the opening of
/// the next answer. Needs nothing of what was said before.
/// </summary>
internal static class FurtherTurn
{
    /// <summary>Ids that follow an answer. Offsets refer to <paramref name="userText"/>; the template's own tokens have -1.</summary>
    /// <param name="tokenizer">Of the model.</param>
    /// <param name="userText">The user's words.</param>
    /// <param name="parseSpecial">Recognise special tokens in them.</param>
    /// <exception cref="ModelFormatException">The model has no chat template, or one that puts no special token after an answer.</exception>
    internal static IReadOnlyList<TextToken> Encode(ITextTokenizer tokenizer, string userText, bool parseSpecial)
    {
        // A conversation of which only the end matters: what the template writes after an answer does not depend on the answer.
        ChatMessage[] conversation = [new("user", "x"), new("assistant", "y"), new("user", userText)];
        IReadOnlyList<TextToken> opening = tokenizer.EncodeChat([conversation[0]], addGenerationPrompt: true, parseSpecial: false);
        IReadOnlyList<TextToken> whole = tokenizer.EncodeChat(conversation, addGenerationPrompt: true, parseSpecial);
        bool begins = whole.Count > opening.Count && opening.Select(token => token.Id).SequenceEqual(whole.Take(opening.Count).Select(token => token.Id));
        // The end of the answer is a special token, and comes before the user's words.
        int end = opening.Count;
        while (end < whole.Count && whole[end].Start < 0 && !tokenizer.IsSpecial(whole[end].Id)) end++;
        if (!begins || end == whole.Count || whole[end].Start >= 0) throw new ModelFormatException("chat template: an answer cannot be followed by another turn without all that was said before; feed the turn as plain text (without --chat)");
        return [.. whole.Skip(end)];
    }
}
