using KvPolicy.Inference.Models;
using KvPolicy.Inference.Tokenization;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.DependencyInjection;

namespace KvPolicy.Inference.Tests.Chat;

/// <summary>The client in a container: made once, loaded when it is needed, disposed with it.</summary>
public class DependencyInjectionTests
{
    [Fact]
    public async Task A_container_makes_one_client_and_disposes_it()
    {
        var services = new ServiceCollection();
        services.AddKvPolicyChatClient(
            "embedded",
            options => (options.MaxOutputTokens, options.Format) = (3, (messages, tokenizer) => new ChatPrompt([.. tokenizer.Encode(messages[0].Text, new EncodeOptions(ParseSpecial: true, AddSpecial: true)).Select(token => token.Id)])),
            new EngineOptions("cpu", Threads: 1));
        KvPolicyChatClient client;
        using (ServiceProvider provider = services.BuildServiceProvider())
        {
            client = provider.GetRequiredService<KvPolicyChatClient>();
            Assert.Same(client, provider.GetRequiredService<IChatClient>());
            Assert.Null(client.GetService(typeof(InferenceEngine)));
            ChatResponse response = await provider.GetRequiredService<IChatClient>().GetResponseAsync(" Q : flag of desia ?", new ChatOptions { Temperature = 50, Seed = 1 });
            Assert.Equal(3, response.Usage!.OutputTokenCount);
            Assert.NotNull(client.GetService(typeof(InferenceEngine)));
        }

        await Assert.ThrowsAsync<ObjectDisposedException>(() => client.GetResponseAsync([new Microsoft.Extensions.AI.ChatMessage(ChatRole.User, "x")]));
    }

    [Fact]
    public async Task It_takes_its_place_in_a_pipeline()
    {
        var services = new ServiceCollection();
        services.AddKvPolicyChatClient("embedded", options => options.Format = (_, _) => new ChatPrompt([1, 300, 301]), new EngineOptions("cpu", Threads: 1));
        services.AddChatClient(provider => provider.GetRequiredService<KvPolicyChatClient>()).ConfigureOptions(options => options.MaxOutputTokens = 1);
        using ServiceProvider provider = services.BuildServiceProvider();
        IChatClient client = provider.GetRequiredService<IChatClient>();
        Assert.IsNotType<KvPolicyChatClient>(client);
        Assert.InRange((await client.GetResponseAsync("x", new ChatOptions { Temperature = 50, Seed = 1 })).Usage!.OutputTokenCount!.Value, 0, 1);
    }

    [Fact]
    public async Task A_model_that_is_not_there_is_told_by_the_first_request()
    {
        var services = new ServiceCollection();
        services.AddKvPolicyChatClient("/no/such/model.gguf", engine: new EngineOptions("cpu"));
        using ServiceProvider provider = services.BuildServiceProvider();
        IChatClient client = provider.GetRequiredService<IChatClient>();
        Assert.Equal("model", client.GetService<ChatClientMetadata>()!.DefaultModelId);
        for (int i = 0; i < 2; i++) Assert.Contains("/no/such/model.gguf", (await Assert.ThrowsAsync<ModelFormatException>(() => client.GetResponseAsync("x"))).Message);
    }
}
