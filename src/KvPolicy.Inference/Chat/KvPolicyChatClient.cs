using System.Runtime.CompilerServices;
using System.Threading.Channels;
using KvPolicy.Inference.Chat;
using KvPolicy.Inference.Models;
using KvPolicy.Inference.Sessions;
using KvPolicy.Inference.Tokenization;
using Microsoft.Extensions.AI;
using ChatMessage = Microsoft.Extensions.AI.ChatMessage;

namespace KvPolicy.Inference;

/// <summary>
/// A chat client of Microsoft.Extensions.AI over a model whose cache is compressed by a policy, one for all requests or another for each.
/// <code>
/// using IChatClient client = new KvPolicyChatClient(engine, new KvPolicyChatOptions { Policy = new SnapKv { Keep = 0.25 } });
/// await foreach (var update in client.GetStreamingResponseAsync("Why is the sky blue?")) Console.Write(update);
/// </code>
/// A conversation that goes on where an earlier response ended is fed its new tokens alone, over the cache that was left; the response's
/// <see cref="UsageDetails.CachedInputTokenCount"/> tells how many it was spared. Requests may come from many threads; they are answered one
/// at a time. Disposing the enumerator of a streamed answer ends its generation.
/// Taken from <see cref="ChatOptions"/>: Instructions, Temperature, TopK, TopP, Seed, MaxOutputTokens, StopSequences, ModelId, ConversationId, and the
/// policy (<see cref="KvPolicyChatExtensions.WithPolicy(ChatOptions, IKvPolicy)"/>). Refused with <see cref="NotSupportedException"/>: Tools, a
/// ResponseFormat other than text, penalties, roles other than system, user and assistant, content that is no text. Everything else is a hint, and ignored.
/// </summary>
public sealed class KvPolicyChatClient : IChatClient
{
    private const string Provider = "kvpolicy";

    private readonly KvPolicyChatOptions _options;
    private readonly Func<InferenceEngine> _load;
    private readonly bool _ownsEngine;
    private readonly ChatClientMetadata _metadata;
    private readonly SessionPool _sessions;
    private readonly ConversationStore _conversations;
    private readonly Lock _loading = new(), _lifetime = new();
    private InferenceEngine? _engine;
    private int _users = 1; // the client itself until it is disposed, and each request that is at work
    private volatile bool _disposed;

    /// <summary>A client over an engine.</summary>
    /// <param name="engine">Outlives the client.</param>
    /// <param name="options">Policy, format, bounds; null for none. Read while the client lives.</param>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
    public KvPolicyChatClient(InferenceEngine engine, KvPolicyChatOptions? options = null)
        : this(() => engine, engine?.Model.Name ?? throw new ArgumentNullException(nameof(engine)), ownsEngine: false, options)
        => _engine = engine;

    /// <summary>A client that loads its model with the first request, and disposes it.</summary>
    /// <param name="model">A .gguf, a Hugging Face folder, a llama2.c .bin, or <c>embedded</c>.</param>
    /// <param name="engine">Device, threads, tokenizer; null for the defaults.</param>
    /// <param name="options">Policy, format, bounds; null for none. Read while the client lives.</param>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
    public KvPolicyChatClient(string model, EngineOptions? engine = null, KvPolicyChatOptions? options = null)
        : this(() => InferenceEngine.Load(model, engine), model, ownsEngine: true, options)
    {
    }

    private KvPolicyChatClient(Func<InferenceEngine> load, string model, bool ownsEngine, KvPolicyChatOptions? options)
    {
        ArgumentException.ThrowIfNullOrEmpty(model);
        (_options, _load, _ownsEngine) = (options ?? new KvPolicyChatOptions(), load, ownsEngine);
        _options.Validate();
        _metadata = new ChatClientMetadata(Provider, providerUri: null, _options.ModelId ?? NameOf(model));
        _sessions = new SessionPool(_options.MaxSessions);
        _conversations = new ConversationStore(_options);
    }

    private string ModelId => _metadata.DefaultModelId!;

    /// <inheritdoc/>
    /// <exception cref="NotSupportedException">The request asks for what this client cannot do.</exception>
    /// <exception cref="ArgumentException">The request contradicts itself or the client, or is longer than the context.</exception>
    /// <exception cref="ModelFormatException">The model has no chat template, and the client no format.</exception>
    public async Task<ChatResponse> GetResponseAsync(IEnumerable<ChatMessage> messages, ChatOptions? options = null, CancellationToken cancellationToken = default)
    {
        ChatRequest request = Read(messages, options);
        using Use use = Enter();
        InferenceEngine engine = await EngineAsync(cancellationToken).ConfigureAwait(false);
        await engine.Gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            Answer answer = await OnThread(() => Respond(engine, request, null, cancellationToken)).ConfigureAwait(false);
            return new ChatResponse(answer.Message)
            {
                ResponseId = answer.Id,
                ModelId = ModelId,
                CreatedAt = answer.CreatedAt,
                ConversationId = answer.ConversationId,
                FinishReason = answer.FinishReason,
                Usage = answer.Usage,
                AdditionalProperties = answer.Properties,
                RawRepresentation = answer.Result,
            };
        }
        finally
        {
            engine.Gate.Release();
        }
    }

    /// <inheritdoc/>
    /// <remarks>Text comes as it is generated; the last update carries usage, finish reason and receipt. Disposing the enumerator ends the generation.</remarks>
    public IAsyncEnumerable<ChatResponseUpdate> GetStreamingResponseAsync(IEnumerable<ChatMessage> messages, ChatOptions? options = null, CancellationToken cancellationToken = default)
        => Stream(Read(messages, options), cancellationToken);

    /// <inheritdoc/>
    /// <remarks>Gives the client itself, its <see cref="ChatClientMetadata"/>, and its <see cref="InferenceEngine"/> once the model is loaded.</remarks>
    public object? GetService(Type serviceType, object? serviceKey = null)
    {
        ArgumentNullException.ThrowIfNull(serviceType);
        if (serviceKey is not null) return null;
        if (serviceType == typeof(ChatClientMetadata)) return _metadata;
        if (serviceType == typeof(InferenceEngine)) return _engine;
        return serviceType.IsInstanceOfType(this) ? this : null;
    }

    /// <inheritdoc/>
    /// <remarks>The request that is at work is answered to its end, those that wait for their turn and all later ones are refused. Caches, and the model where the client loaded it, go with the last.</remarks>
    public void Dispose()
    {
        lock (_lifetime)
        {
            if (_disposed) return;
            _disposed = true;
        }

        Leave();
    }

    private Use Enter()
    {
        lock (_lifetime)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            _users++;
        }

        return new Use(this);
    }

    // Weights and caches are memory that nothing guards: none may go under a generation that reads it.
    private void Leave()
    {
        lock (_lifetime)
        {
            if (--_users > 0) return;
        }

        _sessions.Dispose();
        if (_ownsEngine) _engine?.Dispose();
    }

    private async IAsyncEnumerable<ChatResponseUpdate> Stream(ChatRequest request, [EnumeratorCancellation] CancellationToken cancellation)
    {
        using Use use = Enter();
        InferenceEngine engine = await EngineAsync(cancellation).ConfigureAwait(false);
        using var source = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        await engine.Gate.WaitAsync(cancellation).ConfigureAwait(false);
        Task<Answer>? work = null;
        try
        {
            (string id, DateTimeOffset created) = (NewId(), DateTimeOffset.UtcNow);
            var updates = Channel.CreateUnbounded<string>(new UnboundedChannelOptions { SingleReader = true, SingleWriter = true });
            work = OnThread(() => RespondTo(updates.Writer, engine, request, source.Token));
            await foreach (string text in updates.Reader.ReadAllAsync(cancellation).ConfigureAwait(false))
                yield return new ChatResponseUpdate(ChatRole.Assistant, text) { ResponseId = id, MessageId = id, ModelId = ModelId, CreatedAt = created };

            Answer answer = await work.ConfigureAwait(false);
            yield return new ChatResponseUpdate(ChatRole.Assistant, [new UsageContent(answer.Usage)])
            {
                ResponseId = id,
                MessageId = id,
                ModelId = ModelId,
                CreatedAt = created,
                ConversationId = answer.ConversationId,
                FinishReason = answer.FinishReason,
                AdditionalProperties = answer.Properties,
                RawRepresentation = answer.Result,
            };
        }
        finally
        {
            // Whoever stops reading stops the generation: it must be over before the next request begins.
            await source.CancelAsync().ConfigureAwait(false);
            if (work is null) engine.Gate.Release();
            else await ((Task)work).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>
    /// Generates into a channel, completes it whatever comes, and lets the next request begin. It waits for no reader: an answer is no longer
    /// than its limit, and who asks again while reading must not wait for himself.
    /// </summary>
    private Answer RespondTo(ChannelWriter<string> writer, InferenceEngine engine, ChatRequest request, CancellationToken cancellation)
    {
        try
        {
            return Respond(engine, request, text => writer.TryWrite(text), cancellation);
        }
        finally
        {
            writer.Complete();
            engine.Gate.Release();
        }
    }

    /// <summary>Answers one request. Nobody else is at work on the engine.</summary>
    private Answer Respond(InferenceEngine engine, ChatRequest request, Action<string>? onText, CancellationToken cancellation)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        IReadOnlyList<ChatMessage> messages = [.. _conversations.Find(request.ConversationId), .. request.Messages];
        ChatPrompt prompt = ChatRequest.Encode(messages, _options.Format, engine.Tokenizer);
        if (prompt.Ids.Count == 0) throw new ArgumentException("The conversation has no tokens.");
        TurnOptions turn = request.Turn with { OnText = onText, Shots = prompt.Shots };
        (GenerationResult result, int cached) = engine.SupportsSessions ? Continue(engine, prompt, request.Policy, turn, cancellation) : (Begin(engine, prompt, request.Policy, turn, cancellation), 0);
        var message = new ChatMessage(ChatRole.Assistant, result.Text);
        return new Answer(message, result, prompt.Ids.Count, cached, _conversations.Remember(request.ConversationId, [.. messages, message]));
    }

    /// <summary>Feeds what no held session has seen of the conversation.</summary>
    private (GenerationResult Result, int Cached) Continue(InferenceEngine engine, ChatPrompt prompt, IKvPolicy? policy, TurnOptions turn, CancellationToken cancellation)
    {
        var identity = PolicyIdentity.Of(policy);
        GenerationSession session = _sessions.Take(prompt.Ids, identity) ?? engine.StartSession(new SessionOptions { Policy = policy, Capacity = _options.Capacity });
        try
        {
            int cached = session.TokenIds.Count;
            if (turn.Shots.Count > 0) turn = turn with { Shots = [.. turn.Shots.Skip(cached)] };
            return (session.Generate([.. prompt.Ids.Skip(cached)], turn, cancellation), cached);
        }
        finally
        {
            _sessions.Return(session, identity);
        }
    }

    /// <summary>The whole conversation, where a device cannot go on with a cache.</summary>
    private static GenerationResult Begin(InferenceEngine engine, ChatPrompt prompt, IKvPolicy? policy, TurnOptions turn, CancellationToken cancellation) => engine.Generate(
        new GenerationRequest
        {
            Prompt = prompt.Ids,
            Shots = turn.Shots,
            Policy = policy,
            MaxTokens = turn.MaxTokens,
            Sampling = turn.Sampling,
            StopSequences = turn.StopSequences,
            OnText = turn.OnText,
        },
        cancellation);

    private ChatRequest Read(IEnumerable<ChatMessage> messages, ChatOptions? options)
    {
        ArgumentNullException.ThrowIfNull(messages);
        ObjectDisposedException.ThrowIf(_disposed, this);
        return ChatRequest.Of(messages, options, _options, ModelId);
    }

    private Task<InferenceEngine> EngineAsync(CancellationToken cancellation) => _engine is { } engine ? Task.FromResult(engine) : Task.Run(Load, cancellation);

    private InferenceEngine Load()
    {
        lock (_loading)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            return _engine ??= _load();
        }
    }

    // Folders are named as their authors named the model, which may have a dot in it.
    private static string NameOf(string model)
    {
        string name = Path.GetFileName(Path.TrimEndingDirectorySeparator(model));
        return Path.GetExtension(name).ToLowerInvariant() is ".gguf" or ".bin" ? Path.GetFileNameWithoutExtension(name) : name;
    }

    private static string NewId() => Guid.NewGuid().ToString("N");

    // A generation takes its thread for seconds: not one of the pool's.
    private static Task<T> OnThread<T>(Func<T> work) => Task.Factory.StartNew(work, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    /// <summary>A request that is at work.</summary>
    private sealed class Use(KvPolicyChatClient client) : IDisposable
    {
        public void Dispose() => client.Leave();
    }

    /// <summary>What came of a request.</summary>
    private sealed record Answer(ChatMessage Message, GenerationResult Result, int InputTokens, int CachedTokens, string? ConversationId)
    {
        internal string Id { get; } = NewId();

        internal DateTimeOffset CreatedAt { get; } = DateTimeOffset.UtcNow;

        internal ChatFinishReason FinishReason => Result.Stop is StopReason.Eos or StopReason.Sequence ? ChatFinishReason.Stop : ChatFinishReason.Length;

        internal AdditionalPropertiesDictionary Properties => new() { [KvPolicyChatExtensions.ReceiptKey] = Result.Receipt };

        internal UsageDetails Usage => new()
        {
            InputTokenCount = InputTokens,
            CachedInputTokenCount = CachedTokens,
            OutputTokenCount = Result.GeneratedTokens,
            TotalTokenCount = InputTokens + Result.GeneratedTokens,
        };
    }
}
