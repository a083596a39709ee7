namespace KvPolicy.Inference.Tokenization;

/// <summary>How text becomes ids.</summary>
/// <param name="ParseSpecial">Special tokens written in the text become their ids; otherwise they are plain text. Added tokens that are not special
/// are always recognised.</param>
/// <param name="AddSpecial">Put around the text what the model's files ask for (BOS and the like).</param>
public readonly record struct EncodeOptions(bool ParseSpecial, bool AddSpecial);

/// <summary>A token and the UTF-16 offset in the text of its first character; -1 for tokens that the tokenizer or a template added.</summary>
public readonly record struct TextToken(int Id, int Start);

/// <summary>One turn of a conversation.</summary>
/// <param name="Role">"system", "user" or "assistant"; a template may know more.</param>
/// <param name="Content">The words.</param>
public sealed record ChatMessage(string Role, string Content);

/// <summary>Text to ids and back. Thread-safe; exact with respect to the model's own tokenizer.</summary>
public interface ITextTokenizer
{
    /// <summary>Ids of the vocabulary, added tokens included: one more than the largest id.</summary>
    int VocabularySize { get; }

    /// <summary>Ids that end a turn: every one that the model's files name. Ascending.</summary>
    IReadOnlyList<int> EndIds { get; }

    /// <summary>Beginning-of-sequence id, or -1.</summary>
    int BosId { get; }

    /// <summary>True where a chat template is known for the model.</summary>
    bool HasChatTemplate { get; }

    /// <summary>True where the first word of a text carries a space that the text itself has not (SentencePiece): decoding a text from its start
    /// drops it.</summary>
    bool DropsLeadingSpace { get; }

    /// <summary>Ids of a text with the offset where each token's first character lies in it.</summary>
    IReadOnlyList<TextToken> Encode(string text, EncodeOptions options);

    /// <summary>Ids of one user message in the model's template: default system message and generation prompt included. Offsets refer to
    /// <paramref name="userText"/>; the template's own tokens have -1.</summary>
    /// <param name="userText">The user's words.</param>
    /// <param name="parseSpecial">Recognise special tokens in the user's words too.</param>
    /// <exception cref="Models.ModelFormatException">The model has no chat template, or one that cannot be rendered; the message says
    /// which.</exception>
    IReadOnlyList<TextToken> EncodeChat(string userText, bool parseSpecial);

    /// <summary>Ids of a conversation in the model's template. Offsets refer to the content of the last message; everything else has -1.</summary>
    /// <param name="messages">The turns, oldest first.</param>
    /// <param name="addGenerationPrompt">End with the words that open the assistant's turn.</param>
    /// <param name="parseSpecial">Recognise special tokens in the messages too.</param>
    /// <exception cref="Models.ModelFormatException">The model has no chat template, or one that cannot be rendered; the message says
    /// which.</exception>
    IReadOnlyList<TextToken> EncodeChat(IReadOnlyList<ChatMessage> messages, bool addGenerationPrompt, bool parseSpecial);

    /// <summary>Raw UTF-8 bytes of an id (special tokens give their text); none for an id that the vocabulary does not hold. Valid while the
    /// tokenizer lives.</summary>
    ReadOnlySpan<byte> Bytes(int id);

    /// <summary>Appends <see cref="Bytes"/>. <see cref="Decoding.TokenStream"/> joins them to characters.</summary>
    void AppendBytes(int id, ICollection<byte> utf8);

    /// <summary>True for ids that text generation does not print (BOS, roles, end of turn).</summary>
    bool IsSpecial(int id);

    /// <summary>Text of ids from the start of a text, special tokens included unless skipped; invalid bytes as U+FFFD.</summary>
    string Decode(IReadOnlyList<int> ids, bool skipSpecial);
}
