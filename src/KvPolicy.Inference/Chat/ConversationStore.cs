using Microsoft.Extensions.AI;
using ChatMessage = Microsoft.Extensions.AI.ChatMessage;

namespace KvPolicy.Inference.Chat;

/// <summary>The messages of conversations that callers go on with by an id, bounded in number. One thread at a time.</summary>
internal sealed class ConversationStore(KvPolicyChatOptions options)
{
    private readonly Dictionary<string, IReadOnlyList<ChatMessage>> _messages = [];
    private readonly List<string> _order = [];  // the one used last is at the end

    /// <summary>What was said so far.</summary>
    /// <exception cref="ArgumentException">Nobody remembers the conversation.</exception>
    internal IReadOnlyList<ChatMessage> Find(string? id)
    {
        if (id is null) return [];
        if (_messages.TryGetValue(id, out IReadOnlyList<ChatMessage>? messages)) return messages;
        throw new ArgumentException(options.KeepsConversations
            ? $"The conversation '{id}' is not remembered: it did not begin here, or had to make room for newer ones (at most {options.MaxConversations}); send all of its messages without an id."
            : $"The conversation '{id}' is not remembered: this client remembers none; send all messages without an id, or set {nameof(KvPolicyChatOptions)}.{nameof(KvPolicyChatOptions.KeepsConversations)}.");
    }

    /// <summary>Remembers a conversation, if the client does so.</summary>
    /// <param name="id">Its id, or null for one that begins.</param>
    /// <param name="messages">All of them, the answer included.</param>
    /// <returns>The id; null where none is remembered.</returns>
    internal string? Remember(string? id, IReadOnlyList<ChatMessage> messages)
    {
        if (!options.KeepsConversations) return null;
        id ??= Guid.NewGuid().ToString("N");
        // Copies: what a caller does to its messages later changes nothing that was said.
        _messages[id] = [.. messages.Select(message => new ChatMessage(message.Role, message.Text))];
        _order.Remove(id);
        _order.Add(id);
        while (_order.Count > options.MaxConversations)
        {
            _messages.Remove(_order[0]);
            _order.RemoveAt(0);
        }

        return id;
    }
}
