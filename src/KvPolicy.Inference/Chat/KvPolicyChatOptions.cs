using KvPolicy.Inference.Tokenization;
using Microsoft.Extensions.AI;

namespace KvPolicy.Inference;

/// <summary>A conversation as the model is fed it.</summary>
/// <param name="Ids">[n] ids, BOS and whatever opens the model's turn included.</param>
/// <param name="Shots">[n] number of each token's shot, -1 outside; empty where there are none.</param>
public sealed record ChatPrompt(IReadOnlyList<int> Ids, IReadOnlyList<int> Shots)
{
    /// <summary>A prompt without shots.</summary>
    /// <param name="ids">[n] ids.</param>
    public ChatPrompt(IReadOnlyList<int> ids)
        : this(ids, [])
    {
    }
}

/// <summary>Turns a conversation into the tokens that a model is fed.</summary>
/// <param name="messages">The turns, oldest first; roles system, user and assistant, text alone.</param>
/// <param name="tokenizer">Of the model.</param>
public delegate ChatPrompt ChatFormat(IReadOnlyList<Microsoft.Extensions.AI.ChatMessage> messages, ITextTokenizer tokenizer);

/// <summary>Makes a policy from its name and settings: <c>(name, settings) => Catalog.All.Single(p => p.Name == name).Create(settings)</c>.</summary>
/// <param name="name">As the request gave it.</param>
/// <param name="settings">Budgets, where the request gave any.</param>
/// <returns>The policy, or null where there is none of that name.</returns>
public delegate IKvPolicy? PolicyResolver(string name, PolicySettings settings);

/// <summary>How a chat client is set up.</summary>
public sealed class KvPolicyChatOptions
{
    /// <summary>Policy of requests that name none; null for a full cache.</summary>
    public IKvPolicy? Policy { get; set; }

    /// <summary>Makes policies that requests name in words; without it only instances can be given.</summary>
    public PolicyResolver? PolicyResolver { get; set; }

    /// <summary>How a conversation is fed; null for the model's own chat template.</summary>
    public ChatFormat? Format { get; set; }

    /// <summary>Name of the model in responses; null for the model's file.</summary>
    public string? ModelId { get; set; }

    /// <summary>Most tokens of an answer where the request does not say; at least 1.</summary>
    public int MaxOutputTokens { get; set; } = 1024;

    /// <summary>Most tokens of a conversation, see <see cref="SessionOptions.Capacity"/>.</summary>
    public int Capacity { get; set; }

    /// <summary>Most caches that are held for conversations that may go on; the one used longest ago goes first. 0 holds none.</summary>
    public int MaxSessions { get; set; } = 4;

    /// <summary>
    /// True: the client remembers conversations. Every response carries a <see cref="ChatResponse.ConversationId"/>; a request that gives it in
    /// <see cref="Microsoft.Extensions.AI.ChatOptions.ConversationId"/> brings its new messages alone.
    /// </summary>
    public bool KeepsConversations { get; set; }

    /// <summary>Most conversations that are remembered; the one used longest ago is forgotten first. At least 1.</summary>
    public int MaxConversations { get; set; } = 256;

    /// <summary>Refuses what has no meaning.</summary>
    internal void Validate()
    {
        if (MaxOutputTokens < 1) throw new ArgumentOutOfRangeException(nameof(MaxOutputTokens), MaxOutputTokens, "An answer has at least one token.");
        if (MaxSessions < 0) throw new ArgumentOutOfRangeException(nameof(MaxSessions), MaxSessions, "The number of caches is 0 or more.");
        if (MaxConversations < 1) throw new ArgumentOutOfRangeException(nameof(MaxConversations), MaxConversations, "The number of conversations is 1 or more.");
        if (Capacity < 0) throw new ArgumentOutOfRangeException(nameof(Capacity), Capacity, "The capacity is 1 or more; 0 chooses.");
    }
}
