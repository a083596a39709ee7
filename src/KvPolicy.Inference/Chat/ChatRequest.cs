using KvPolicy.Inference.Models;
using KvPolicy.Inference.Tokenization;
using Microsoft.Extensions.AI;
using ChatMessage = Microsoft.Extensions.AI.ChatMessage;

namespace KvPolicy.Inference.Chat;

/// <summary>A request, checked: what cannot be done is refused, not left out in silence.</summary>
internal sealed record ChatRequest
{
    /// <summary>The messages of the request, its instructions in front.</summary>
    public required IReadOnlyList<ChatMessage> Messages { get; init; }

    /// <summary>The policy, or null for a full cache.</summary>
    public required IKvPolicy? Policy { get; init; }

    /// <summary>How the answer is generated; nobody receives its text yet.</summary>
    public required TurnOptions Turn { get; init; }

    /// <summary>The remembered conversation that it goes on with.</summary>
    public required string? ConversationId { get; init; }

    /// <summary>Reads a request.</summary>
    /// <exception cref="NotSupportedException">It asks for what the client cannot do.</exception>
    /// <exception cref="ArgumentException">It contradicts itself or the client.</exception>
    internal static ChatRequest Of(IEnumerable<ChatMessage> messages, ChatOptions? options, KvPolicyChatOptions client, string modelId)
    {
        RefuseUnsupported(options);
        if (options?.ModelId is { } model && model != modelId) throw new ArgumentException($"The request is for the model '{model}', this client has '{modelId}': leave the model out, or ask the client that has it.", nameof(options));
        List<ChatMessage> all = [.. messages];
        if (options?.Instructions is { Length: > 0 } instructions) all.Insert(0, new ChatMessage(ChatRole.System, instructions));
        if (all.Count == 0) throw new ArgumentException("The request has no messages.", nameof(messages));
        if (all.Contains(null!)) throw new ArgumentException("A message of the request is null.", nameof(messages));
        foreach (ChatMessage message in all) RefuseUnsupported(message);
        return new ChatRequest
        {
            Messages = all,
            Policy = KvPolicyChatExtensions.PolicyOf(options, client),
            Turn = TurnOf(options, client),
            ConversationId = options?.ConversationId,
        };
    }

    /// <summary>The tokens of a conversation: by the client's format, else by the model's template.</summary>
    /// <exception cref="ModelFormatException">The model has no chat template, or one that cannot be rendered.</exception>
    internal static ChatPrompt Encode(IReadOnlyList<ChatMessage> messages, ChatFormat? format, ITextTokenizer tokenizer)
    {
        if (format is not null) return format(messages, tokenizer);
        if (!tokenizer.HasChatTemplate) RefuseTemplate(tokenizer);
        IReadOnlyList<TextToken> tokens = tokenizer.EncodeChat([.. messages.Select(m => new Tokenization.ChatMessage(m.Role.Value.ToLowerInvariant(), m.Text))], addGenerationPrompt: true, parseSpecial: false);
        return new ChatPrompt([.. tokens.Select(token => token.Id)]);
    }

    private static void RefuseTemplate(ITextTokenizer tokenizer)
    {
        try
        {
            tokenizer.EncodeChat("", parseSpecial: false);
        }
        catch (ModelFormatException e)
        {
            throw new ModelFormatException($"{e.Message}, or set {nameof(KvPolicyChatOptions)}.{nameof(KvPolicyChatOptions.Format)} to say how a conversation is fed", e);
        }
    }

    private static TurnOptions TurnOf(ChatOptions? options, KvPolicyChatOptions client)
    {
        if (options?.MaxOutputTokens < 1) throw new ArgumentOutOfRangeException(nameof(options), options.MaxOutputTokens, "An answer has at least one token.");
        var sampling = new SamplingOptions(
            Widened(options?.Temperature) ?? 0,
            options?.TopK ?? 0,
            Widened(options?.TopP) ?? 1,
            // Who gives no seed wants another answer every time.
            options?.Seed is { } seed ? (ulong)seed : (ulong)Random.Shared.NextInt64());
        sampling.Validate();
        return new TurnOptions
        {
            MaxTokens = options?.MaxOutputTokens ?? client.MaxOutputTokens,
            Sampling = sampling,
            StopSequences = [.. options?.StopSequences ?? []],
        };
    }

    // 0.9f as the 0.9 that was written.
    private static double? Widened(float? value) => value is { } v && Math.Abs(v) < 1e6f ? (double)(decimal)v : value;

    private static void RefuseUnsupported(ChatOptions? options)
    {
        if (options is null) return;
        if (options.Tools is { Count: > 0 } && options.ToolMode is not NoneChatToolMode) throw Unsupported("tools", "leave Tools out, or set ToolMode to None");
        if (options.ResponseFormat is not (null or ChatResponseFormatText)) throw Unsupported("answers in a prescribed format", "leave ResponseFormat out, or ask for text");
        if (options.FrequencyPenalty is not (null or 0f)) throw Unsupported("a frequency penalty", "leave FrequencyPenalty out");
        if (options.PresencePenalty is not (null or 0f)) throw Unsupported("a presence penalty", "leave PresencePenalty out");
    }

    private static void RefuseUnsupported(ChatMessage message)
    {
        if (message.Role != ChatRole.System && message.Role != ChatRole.User && message.Role != ChatRole.Assistant) throw Unsupported($"messages of the role '{message.Role.Value}'", "use system, user and assistant");
        foreach (AIContent content in message.Contents)
        {
            if (content is not TextContent) throw Unsupported($"content of the kind {content?.GetType().Name ?? "null"}", "send text");
        }
    }

    private static NotSupportedException Unsupported(string what, string remedy) => new($"This client does not take {what}; {remedy}.");
}
