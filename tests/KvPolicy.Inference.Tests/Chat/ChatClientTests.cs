using System.Text.Json;
using KvPolicy.Inference.Models;
using KvPolicy.Inference.Tests.Engine;
using KvPolicy.Inference.Tests.Loading.Building;
using KvPolicy.Inference.Tests.Support;
using KvPolicy.Inference.Tokenization;
using Microsoft.Extensions.AI;
using ChatMessage = Microsoft.Extensions.AI.ChatMessage;

namespace KvPolicy.Inference.Tests.Chat;

/// <summary>The chat client over the embedded model, whose conversations are plain text, and over a real chat model where there is one.</summary>
public sealed class ChatClientTests : IDisposable
{
    private const string Question = " Q : flag of desia ? [ blue gold teal pink ] A :";
    private const string Other = " Q : who sells the red lamp ? [ north south ] A :";

    private static readonly ChatOptions Eight = new() { MaxOutputTokens = 8 };
    private readonly InferenceEngine _engine = InferenceEngine.Load("embedded", new EngineOptions("cpu", Threads: 2));

    public void Dispose() => _engine.Dispose();

    [Fact]
    public async Task An_answer_carries_text_usage_reason_and_receipt()
    {
        using var client = Client();
        ChatResponse response = await client.GetResponseAsync(Question, Eight);
        GenerationResult want = _engine.Generate(new GenerationRequest { Prompt = Ids(User(Question)), MaxTokens = 8 });
        Assert.Equal(want.Text, response.Text);
        Assert.Equal(want.Stop == StopReason.Eos ? ChatFinishReason.Stop : ChatFinishReason.Length, response.FinishReason);
        Assert.Equal(want.PromptTokens, response.Usage!.InputTokenCount);
        Assert.Equal(want.GeneratedTokens, response.Usage.OutputTokenCount);
        Assert.Equal(want.PromptTokens + want.GeneratedTokens, response.Usage.TotalTokenCount);
        Assert.Equal(0, response.Usage.CachedInputTokenCount);
        Assert.Equal(want.Receipt.Kept, response.GetReceipt()!.Kept);
        Assert.Equal(want.TokenIds, Assert.IsType<GenerationResult>(response.RawRepresentation).TokenIds);
        Assert.Equal("embedded", response.ModelId);
        Assert.Equal(ChatRole.Assistant, Assert.Single(response.Messages).Role);
        Assert.Null(response.ConversationId);
    }

    [Fact]
    public async Task Updates_come_while_the_answer_is_generated_and_add_up_to_the_response()
    {
        using var client = Client();
        var policy = new GatedPolicy(openSteps: 3);
        ChatOptions options = Drawn(40).WithPolicy(policy);
        var updates = new List<ChatResponseUpdate>();
        await foreach (ChatResponseUpdate update in client.GetStreamingResponseAsync(Question, options))
        {
            // The generation waits at the gate: what is here already came before its end.
            if (updates.Count == 0)
            {
                Assert.InRange(policy.Steps, 0, 4);
                policy.Open();
            }

            updates.Add(update);
        }

        Assert.True(policy.IsOpen);
        Assert.Equal(39, policy.Steps);
        Assert.InRange(updates.Count, 10, 41);
        Assert.All(updates, update => Assert.Equal((updates[0].ResponseId, ChatRole.Assistant), (update.ResponseId, update.Role)));
        Assert.All(updates.SkipLast(1), update => Assert.Null(update.FinishReason));
        ChatResponse whole = updates.ToChatResponse();
        Assert.Equal(ChatFinishReason.Length, whole.FinishReason);
        Assert.Equal(40, whole.Usage!.OutputTokenCount);
        Assert.Equal("Gated", whole.GetReceipt()!.Policy!.Name);
        Assert.Equal(((GenerationResult)updates[^1].RawRepresentation!).Text, whole.Text);
    }

    [Fact]
    public async Task A_cancelled_request_ends_between_tokens_and_the_client_goes_on()
    {
        using var client = Client();
        var policy = new GatedPolicy(openSteps: 3);
        using var source = new CancellationTokenSource();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (ChatResponseUpdate update in client.GetStreamingResponseAsync(Question, Drawn(500).WithPolicy(policy), source.Token))
            {
                source.Cancel();
                policy.Open();
            }
        });
        Assert.InRange(policy.Steps, 0, 5);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => client.GetResponseAsync(Question, Eight, source.Token));
        ChatResponse response = await client.GetResponseAsync(Question, Eight);
        Assert.Equal(Fresh(User(Question)).Text, response.Text);
    }

    [Fact]
    public async Task An_enumerator_that_is_disposed_early_ends_the_generation()
    {
        using var client = Client();
        var policy = new GatedPolicy(openSteps: 3);
        await foreach (ChatResponseUpdate update in client.GetStreamingResponseAsync(Question, Drawn(500).WithPolicy(policy)))
        {
            policy.Open();
            break;
        }

        // Over when the loop was left: no step is made any more, and the next request need not wait.
        int steps = policy.Steps;
        ChatResponse response = await client.GetResponseAsync(Question, Eight);
        Assert.Equal(Fresh(User(Question)).Text, response.Text);
        Assert.Equal(steps, policy.Steps);
        Assert.InRange(steps, 0, 499);
    }

    [Fact]
    public async Task A_conversation_that_goes_on_is_fed_its_new_tokens_alone()
    {
        using var client = Client();
        List<ChatMessage> messages = [User(Question)];
        long spoken = 0;
        for (int turn = 0; turn < 4; turn++)
        {
            ChatResponse response = await client.GetResponseAsync(messages, Eight);
            GenerationResult want = Fresh([.. messages]);
            Assert.Equal(want.TokenIds, ((GenerationResult)response.RawRepresentation!).TokenIds);
            Assert.Equal(spoken, response.Usage!.CachedInputTokenCount);
            Assert.Equal(want.PromptTokens, response.Usage.InputTokenCount);
            spoken = want.PromptTokens + want.GeneratedTokens;
            messages.AddMessages(response);
            messages.Add(User(turn % 2 == 0 ? Other : Question));
        }
    }

    [Fact]
    public async Task Another_policy_another_beginning_or_no_room_means_a_new_prefill()
    {
        using var client = Client(new KvPolicyChatOptions { MaxSessions = 1 });
        List<ChatMessage> messages = [User(Question)];
        messages.AddMessages(await client.GetResponseAsync(messages, Eight));
        messages.Add(User(Other));
        Assert.Equal(0, (await client.GetResponseAsync(messages, Keep(0.5))).Usage!.CachedInputTokenCount);
        // Its cache took the only place.
        Assert.Equal(0, (await client.GetResponseAsync(messages, Eight)).Usage!.CachedInputTokenCount);
        Assert.Equal(0, (await client.GetResponseAsync([User(Other), .. messages], Eight)).Usage!.CachedInputTokenCount);
        Assert.Equal(0, (await client.GetResponseAsync(messages, Keep(0.5))).Usage!.CachedInputTokenCount);
        messages.AddMessages(await client.GetResponseAsync(messages, Keep(0.25)));
        messages.Add(User(Question));
        ChatResponse last = await client.GetResponseAsync(messages, Keep(0.25));
        Assert.NotEqual(0, last.Usage!.CachedInputTokenCount);
        Assert.Equal("0.25", last.GetReceipt()!.Policy!.Parameters["keep"]);
        Assert.All(last.GetReceipt()!.Kept, layer => Assert.All(layer, held => Assert.Equal(last.Usage.InputTokenCount / 4, held)));

        ChatOptions Keep(double keep) => new ChatOptions { MaxOutputTokens = 8 }.WithPolicy(RecordingPolicy.Create(keep, rows: 8, decodes: false, records: false));
    }

    [Fact]
    public async Task Requests_at_once_are_answered_as_one_after_another()
    {
        using var client = Client();
        string[] questions = [.. Enumerable.Range(0, 6).Select(i => i % 2 == 0 ? Question : Other)];
        ChatResponse[] responses = await Task.WhenAll(questions.Select((question, i) => i < 3
            ? client.GetResponseAsync(question, Eight)
            : client.GetStreamingResponseAsync(question, Eight).ToChatResponseAsync()));
        Assert.Equal(questions.Select(question => Fresh(User(question)).Text), responses.Select(response => response.Text));
    }

    [Fact]
    public async Task Another_request_may_be_awaited_inside_the_loop_of_a_stream()
    {
        using var client = Client();
        ChatResponse want = await client.GetResponseAsync(Other, Eight);
        var texts = new List<string>();
        await foreach (ChatResponseUpdate update in client.GetStreamingResponseAsync(Question, Eight))
        {
            if (texts.Count == 0) Assert.Equal(want.Text, (await client.GetResponseAsync(Other, Eight).WaitAsync(TimeSpan.FromMinutes(1))).Text);
            texts.Add(update.Text);
        }

        Assert.Equal((await client.GetResponseAsync(Question, Eight)).Text, string.Concat(texts));
    }

    [Fact]
    public async Task A_remembered_conversation_needs_its_new_messages_alone()
    {
        using var client = Client(new KvPolicyChatOptions { KeepsConversations = true, MaxConversations = 2 });
        ChatResponse first = await client.GetResponseAsync(Question, Eight);
        ChatOptions goesOn = new() { MaxOutputTokens = 8, ConversationId = first.ConversationId };
        ChatResponse second = await client.GetResponseAsync(Other, goesOn);
        Assert.NotNull(first.ConversationId);
        Assert.Equal(first.ConversationId, second.ConversationId);
        Assert.Equal(Fresh(User(Question), first.Messages[0], User(Other)).Text, second.Text);
        Assert.NotEqual(0, second.Usage!.CachedInputTokenCount);
        Assert.Equal(first.ConversationId, (await client.GetStreamingResponseAsync(Question, goesOn).ToChatResponseAsync()).ConversationId);
        await client.GetResponseAsync(Question, Eight);
        await client.GetResponseAsync(Question, Eight);
        Assert.Contains("not remembered", (await Assert.ThrowsAsync<ArgumentException>(() => client.GetResponseAsync(Question, goesOn))).Message);
        using var forgetful = Client();
        Assert.Contains("KeepsConversations", (await Assert.ThrowsAsync<ArgumentException>(() => forgetful.GetResponseAsync(Question, goesOn))).Message);
    }

    [Fact]
    public async Task What_the_client_cannot_do_is_refused()
    {
        using var client = Client();
        await Refused<NotSupportedException>("tools", new ChatOptions { Tools = [AIFunctionFactory.Create(() => 1, "one")] });
        await Refused<NotSupportedException>("format", new ChatOptions { ResponseFormat = ChatResponseFormat.Json });
        await Refused<NotSupportedException>("penalty", new ChatOptions { FrequencyPenalty = 0.5f });
        await Refused<NotSupportedException>("penalty", new ChatOptions { PresencePenalty = -0.5f });
        await Refused<ArgumentException>("'gpt'", new ChatOptions { ModelId = "gpt" });
        await Refused<ArgumentException>("at least one", new ChatOptions { MaxOutputTokens = 0 });
        await Refused<ArgumentException>("temperature", new ChatOptions { Temperature = -1 });
        await Refused<ArgumentException>("Top-p", new ChatOptions { TopP = 2 });
        await Refused<ArgumentException>("stop sequence", new ChatOptions { StopSequences = [""] });
        await Refused<ArgumentException>("PolicyResolver", new ChatOptions().WithPolicy("SnapKv"));
        await Refused<ArgumentException>("go with a policy's name", new ChatOptions { AdditionalProperties = new() { [KvPolicyChatExtensions.KeepKey] = 0.5 } });
        await Refused<ArgumentException>("Int32", new ChatOptions { AdditionalProperties = new() { [KvPolicyChatExtensions.PolicyKey] = 7 } });
        await Refused<NotSupportedException>("DataContent", new ChatOptions(), new ChatMessage(ChatRole.User, [new DataContent(new byte[] { 1 }, "image/png")]));
        await Refused<NotSupportedException>("'tool'", new ChatOptions(), new ChatMessage(ChatRole.Tool, "x"));
        await Refused<ArgumentException>("no messages", new ChatOptions(), []);
        await Refused<ArgumentException>("capacity", new ChatOptions(), User(string.Concat(Enumerable.Repeat(Question, 2000))));
        Assert.Equal(8, (await client.GetResponseAsync(Question, Drawn(8))).Usage!.OutputTokenCount);

        async Task Refused<T>(string word, ChatOptions options, params ChatMessage[]? messages) where T : Exception
        {
            messages = messages is [] && word != "no messages" ? [User(Question)] : messages;
            Assert.Contains(word, (await Assert.ThrowsAnyAsync<T>(() => client.GetResponseAsync(messages!, options))).Message);
            await Assert.ThrowsAnyAsync<T>(() => client.GetStreamingResponseAsync(messages!, options).ToChatResponseAsync());
        }
    }

    [Fact]
    public async Task Options_of_the_request_reach_the_generation()
    {
        using var client = Client(new KvPolicyChatOptions { MaxOutputTokens = 5 });
        Assert.Equal(5, (await client.GetResponseAsync(Question, new ChatOptions { Temperature = 50, Seed = 4 })).Usage!.OutputTokenCount);
        ChatResponse drawn = await client.GetResponseAsync(Question, Drawn(20));
        GenerationResult want = _engine.Generate(new GenerationRequest { Prompt = Ids(User(Question)), MaxTokens = 20, Sampling = new SamplingOptions(Temperature: 50, TopK: 900, TopP: 0.999, Seed: 4) });
        Assert.Equal(want.Text, drawn.Text);
        string stop = want.Text[7..12];
        ChatOptions stopping = Drawn(20);
        stopping.StopSequences = [stop];
        ChatResponse stopped = await client.GetStreamingResponseAsync(Question, stopping).ToChatResponseAsync();
        Assert.Equal(want.Text[..want.Text.IndexOf(stop, StringComparison.Ordinal)], stopped.Text);
        Assert.Equal(ChatFinishReason.Stop, stopped.FinishReason);
        ChatResponse instructed = await client.GetResponseAsync(Question, new ChatOptions { Instructions = Other, MaxOutputTokens = 8 });
        Assert.Equal(Fresh(new ChatMessage(ChatRole.System, Other), User(Question)).Text, instructed.Text);
    }

    [Fact]
    public async Task Policies_are_named_in_words_where_a_resolver_knows_them()
    {
        (string Name, PolicySettings Settings) asked = ("", new PolicySettings());
        using var client = Client(new KvPolicyChatOptions
        {
            Policy = RecordingPolicy.Create(0.5, rows: 8, decodes: false, records: false),
            PolicyResolver = (name, settings) =>
            {
                asked = (name, settings);
                return name == "known" ? RecordingPolicy.Create(settings.Keep ?? 0.125, rows: 8, decodes: false, records: false) : null;
            },
        });
        Assert.Equal("0.5", await Kept(new ChatOptions { MaxOutputTokens = 2 }));
        Assert.Equal("0.125", await Kept(new ChatOptions { MaxOutputTokens = 2 }.WithPolicy("known")));
        Assert.Equal("0.25", await Kept(new ChatOptions { MaxOutputTokens = 2 }.WithPolicy("known", keep: 0.25, decodeKeep: 0.75)));
        Assert.Equal(("known", (Budget?)0.75), (asked.Name, asked.Settings.DecodeKeep));
        Assert.Null(await Kept(new ChatOptions { MaxOutputTokens = 2 }.WithPolicy("none")));
        JsonElement json = JsonDocument.Parse("""{"policy": "known", "keep": 0.3}""").RootElement;
        Assert.Equal("0.3", await Kept(new ChatOptions { MaxOutputTokens = 2, AdditionalProperties = new() { [KvPolicyChatExtensions.PolicyKey] = json.GetProperty("policy"), [KvPolicyChatExtensions.KeepKey] = json.GetProperty("keep") } }));
        Assert.Equal("0.7", await Kept(new ChatOptions { MaxOutputTokens = 2, AdditionalProperties = new() { [KvPolicyChatExtensions.PolicyKey] = "known", [KvPolicyChatExtensions.KeepKey] = "0.7" } }));
        await Assert.ThrowsAsync<ArgumentException>(() => Kept(new ChatOptions().WithPolicy("unknown")));
        await Assert.ThrowsAsync<ArgumentException>(() => Kept(new ChatOptions().WithPolicy("known", keep: 1.5)));

        async Task<string?> Kept(ChatOptions options) => (await client.GetResponseAsync(Question, options)).GetReceipt()!.Policy?.Parameters["keep"];
    }

    [Fact]
    public async Task A_model_without_a_template_needs_a_format()
    {
        using var client = new KvPolicyChatClient(_engine);
        Assert.Contains("KvPolicyChatOptions.Format", (await Assert.ThrowsAsync<ModelFormatException>(() => client.GetResponseAsync(Question))).Message);
    }

    [Fact]
    public async Task A_device_that_cannot_go_on_is_fed_the_whole_conversation()
    {
        using var folder = new TemporaryFolder();
        foreach ((string name, byte[] bytes) in TinyModel.Folder()) folder.Write(name, bytes);
        using var engine = InferenceEngine.Load(folder.Path, new EngineOptions("simulator"));
        using var host = InferenceEngine.Load(folder.Path, new EngineOptions("cpu", Threads: 1));
        var fed = new List<int[]>();
        using var client = new KvPolicyChatClient(engine, new KvPolicyChatOptions
        {
            Format = (messages, _) =>
            {
                fed.Add([.. messages.Select((_, i) => 1 + i % 5)]);
                return new ChatPrompt(fed[^1]);
            },
        });
        ChatOptions options = new() { MaxOutputTokens = 1 };
        List<ChatMessage> messages = [User("a"), User("b")];
        messages.AddMessages(await client.GetResponseAsync(messages, options));
        messages.Add(User("c"));
        ChatResponse response = await client.GetStreamingResponseAsync(messages, options).ToChatResponseAsync();
        Assert.Equal([2, 4], fed.Select(ids => ids.Length));
        Assert.Equal((4L, 0L), (response.Usage!.InputTokenCount, response.Usage.CachedInputTokenCount));
        Assert.Equal("simulator", response.GetReceipt()!.Device);
        Assert.Equal(host.Generate(new GenerationRequest { Prompt = fed[1], MaxTokens = 1 }).Text, response.Text);
    }

    [Fact]
    public void Services_are_found_by_type()
    {
        using IChatClient client = Client();
        Assert.Equal("embedded", client.GetService<ChatClientMetadata>()!.DefaultModelId);
        Assert.Equal("kvpolicy", client.GetService<ChatClientMetadata>()!.ProviderName);
        Assert.Same(_engine, client.GetService<InferenceEngine>());
        Assert.Same(client, client.GetService<KvPolicyChatClient>());
        Assert.Same(client, client.GetService<IChatClient>());
        Assert.Null(client.GetService<IChatClient>("key"));
        Assert.Null(client.GetService<string>());
    }

    [SkippableFact]
    public async Task A_chat_model_answers_turn_by_turn_over_its_cache()
    {
        string path = SharedData.Model("SmolLM2-135M-Instruct", "SmolLM2-135M-Instruct.Q4_1.gguf");
        using var client = new KvPolicyChatClient(path, new EngineOptions("cpu", Threads: 2), new KvPolicyChatOptions { Capacity = 512 });
        ChatOptions options = new() { MaxOutputTokens = 24 };
        List<ChatMessage> messages = [User("What is the capital of France?")];
        ChatResponse first = await client.GetResponseAsync(messages, options);
        Assert.NotEqual("", first.Text);
        Assert.Equal("SmolLM2-135M-Instruct.Q4_1", first.ModelId);
        messages.AddMessages(first);
        messages.Add(new ChatMessage(new ChatRole("USER"), "And of Italy?")); // roles are equal whatever their case
        ChatResponse second = await client.GetStreamingResponseAsync(messages, options).ToChatResponseAsync();
        Assert.Equal(first.Usage!.InputTokenCount + first.Usage.OutputTokenCount, second.Usage!.CachedInputTokenCount);
        InferenceEngine engine = client.GetService(typeof(InferenceEngine)) as InferenceEngine ?? throw new InvalidOperationException();
        int[] whole = [.. engine.Tokenizer.EncodeChat([.. messages.Select(m => new Inference.Tokenization.ChatMessage(m.Role.Value.ToLowerInvariant(), m.Text))], addGenerationPrompt: true, parseSpecial: false).Select(token => token.Id)];
        Assert.Equal(engine.Generate(new GenerationRequest { Prompt = whole, MaxTokens = 24 }).Text, second.Text);
    }

    private static ChatMessage User(string text) => new(ChatRole.User, text);

    // Nearly uniform, so that no answer ends early.
    private static ChatOptions Drawn(int tokens) => new() { MaxOutputTokens = tokens, Temperature = 50, TopK = 900, TopP = 0.999f, Seed = 4 };

    // The embedded model answers plain text: turns are laid end to end.
    private static ChatPrompt Format(IReadOnlyList<ChatMessage> messages, ITextTokenizer tokenizer) => new(
        [.. messages.SelectMany((message, i) => tokenizer.Encode(message.Text, new EncodeOptions(ParseSpecial: true, AddSpecial: i == 0))).Select(token => token.Id)]);

    private int[] Ids(params ChatMessage[] messages) => [.. Format(messages, _engine.Tokenizer).Ids];

    private GenerationResult Fresh(params ChatMessage[] messages) => _engine.Generate(new GenerationRequest { Prompt = Ids(messages), MaxTokens = 8 });

    private KvPolicyChatClient Client(KvPolicyChatOptions? options = null)
    {
        options ??= new KvPolicyChatOptions();
        options.Format = Format;
        return new KvPolicyChatClient(_engine, options);
    }
}
