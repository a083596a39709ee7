namespace KvPolicy.Inference.Tokenization.Chat;

/// <summary>A rendered conversation, which knows of each character whether the template wrote it or a message.</summary>
/// <param name="Text">The prompt.</param>
/// <param name="Origins">Of each UTF-16 unit: -1 for the template's, else the offset in the messages' contents laid end to end.</param>
/// <param name="LastMessageStart">Where in them the last message begins.</param>
internal sealed record ChatText(string Text, int[] Origins, int LastMessageStart)
{
    /// <summary>True where the template wrote all of <c>Text[start..end]</c>.</summary>
    internal bool IsTemplate(int start, int end) => !Origins.AsSpan(start, end - start).ContainsAnyExcept(-1);

    /// <summary>Offset in the last message of the character at <paramref name="offset"/>, or -1.</summary>
    internal int OffsetInLastMessage(int offset) => offset < 0 || Origins[offset] < LastMessageStart ? -1 : Origins[offset] - LastMessageStart;
}
