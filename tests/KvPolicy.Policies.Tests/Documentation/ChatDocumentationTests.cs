using KvPolicy.Inference;
using KvPolicy.Inference.Tokenization;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.DependencyInjection;
using ChatMessage = Microsoft.Extensions.AI.ChatMessage;

namespace KvPolicy.Policies.Tests.Documentation;

/// <summary>The code of docs/chat.md is the code below, line by line, and it runs.</summary>
public sealed class ChatDocumentationTests : IDisposable
{
    private const string Question = " Q : flag of desia ? [ blue gold teal pink ] A :";
    private readonly string _folder = Directory.CreateTempSubdirectory("kvpolicy-docs-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Its_blocks_stand_here()
    {
        string[] blocks = [.. File.ReadAllText(Path.Combine(SharedData.Repository, "docs", "chat.md")).ReplaceLineEndings("\n").Split("```").Where((_, i) => i % 2 == 1)];
        string here = Dense(File.ReadAllText(Path.Combine(SharedData.Repository, "tests", "KvPolicy.Policies.Tests", "Documentation", "ChatDocumentationTests.cs")));
        Assert.Equal(5, blocks.Length);
        foreach (string block in blocks)
        {
            Assert.StartsWith("csharp\n", block);
            Assert.Contains(Dense(block["csharp\n".Length..]), here);
        }

        static string Dense(string code) => string.Join('\n', code.ReplaceLineEndings("\n").Split('\n').Select(line => line.Trim()).Where(line => line.Length > 0));
    }

    [Fact]
    public async Task A_chat_ends_with_its_input_and_says_what_it_lacks()
    {
        using var output = new StringWriter();
        await Talk("embedded", TextReader.Null, output);
        Assert.Contains("Format", (await Assert.ThrowsAsync<Inference.Models.ModelFormatException>(() => Talk("embedded", new StringReader("Why?"), output))).Message);
        Assert.Equal("", output.ToString());
    }

    [Fact]
    public async Task A_request_has_its_policy()
    {
        KvPolicyChatOptions options = FormatOfTheEmbeddedModel();
        using IChatClient client = new KvPolicyChatClient("embedded", new EngineOptions("cpu", Threads: 1), options);
        using var output = new StringWriter();
        await Ask(client, output);
        Assert.StartsWith("H2O: ", output.ToString());
    }

    [Fact]
    public async Task A_container_has_its_client()
    {
        var services = new ServiceCollection();
        Register(services, "embedded");
        using ServiceProvider provider = services.BuildServiceProvider();
        IChatClient client = provider.GetRequiredService<IChatClient>();
        Assert.Equal("embedded", client.GetService<ChatClientMetadata>()!.DefaultModelId);
        // Its model has no template, and this registration no format.
        await Assert.ThrowsAsync<Inference.Models.ModelFormatException>(() => client.GetResponseAsync("x"));
    }

    [Fact]
    public void A_session_goes_on_from_its_file()
    {
        string file = Path.Combine(_folder, "talk.kvsession");
        using InferenceEngine engine = InferenceEngine.Load("embedded", new EngineOptions("cpu"));
        int[] prompt = [.. engine.Tokenizer.Encode(Question, new EncodeOptions(ParseSpecial: true, AddSpecial: true)).Select(token => token.Id)];
        GenerationResult whole = engine.Generate(new GenerationRequest { Prompt = prompt, Policy = new SnapKv { Keep = 0.25 }, MaxTokens = 16 });
        GenerationResult more = SaveAndLoad("embedded", Question, file);
        Assert.Equal(whole.TokenIds.Skip(8), more.TokenIds);
    }

    private static async Task Talk(string model, TextReader input, TextWriter output)
    {
        using IChatClient client = new KvPolicyChatClient(model, options: new KvPolicyChatOptions { Policy = new SnapKv { Keep = 0.25 } });
        List<ChatMessage> conversation = [];
        while (input.ReadLine() is { } words)
        {
            conversation.Add(new ChatMessage(ChatRole.User, words));
            List<ChatResponseUpdate> updates = [];
            await foreach (ChatResponseUpdate update in client.GetStreamingResponseAsync(conversation))
            {
                updates.Add(update);
                output.Write(update.Text);
            }

            conversation.AddMessages(updates);
        }
    }

    private static async Task Ask(IChatClient client, TextWriter output)
    {
        ChatOptions options = new ChatOptions { MaxOutputTokens = 64 }.WithPolicy(new H2O { Keep = 0.5 });
        ChatResponse response = await client.GetResponseAsync("Why is the sky blue?", options);
        Receipt receipt = response.GetReceipt()!;
        output.WriteLine($"{receipt.Policy!.Name}: {receipt.CacheBytes.End} of {receipt.CacheBytes.Full} bytes");
    }

    private static void Register(ServiceCollection services, string model)
    {
        services.AddKvPolicyChatClient(model, options =>
        {
            options.PolicyResolver = (name, settings) => Catalog.All.FirstOrDefault(policy => policy.Name == name)?.Create(settings);
            options.MaxSessions = 8;
        });
    }

    private static KvPolicyChatOptions FormatOfTheEmbeddedModel()
    {
        var options = new KvPolicyChatOptions
        {
            Format = (messages, tokenizer) => new ChatPrompt([.. messages
                .SelectMany((message, i) => tokenizer.Encode(message.Text, new EncodeOptions(ParseSpecial: true, AddSpecial: i == 0)))
                .Select(token => token.Id)]),
        };
        return options;
    }

    private static GenerationResult SaveAndLoad(string model, string text, string file)
    {
        using InferenceEngine engine = InferenceEngine.Load(model, new EngineOptions("cpu"));
        using (GenerationSession session = engine.StartSession(new SessionOptions { Policy = new SnapKv { Keep = 0.25 } }))
        {
            int[] prompt = [.. engine.Tokenizer.Encode(text, new EncodeOptions(ParseSpecial: true, AddSpecial: true)).Select(token => token.Id)];
            session.Generate(prompt, new TurnOptions { MaxTokens = 8 });
            session.Save(file);
        }

        using GenerationSession later = engine.LoadSession(file, new SnapKv { Keep = 0.25 });
        GenerationResult more = later.Generate([], new TurnOptions { MaxTokens = 8 });
        return more;
    }
}
