using KvPolicy.Inference.Tokenization;
using Microsoft.Extensions.AI;
using ChatMessage = Microsoft.Extensions.AI.ChatMessage;

namespace KvPolicy.Inference.Tests.Chat;

/// <summary>A client that is disposed under its requests, as a container does it that is shut down; and requests that hold nothing.</summary>
public sealed class ChatClientLifetimeTests
{
    private const string Question = " Q : flag of desia ? [ blue gold teal pink ] A :";

    private static readonly ChatOptions Twenty = new() { MaxOutputTokens = 20, Temperature = 50, Seed = 4 };

    [Fact]
    public async Task A_request_at_work_is_answered_to_its_end_by_a_client_that_was_disposed()
    {
        string expected;
        using (KvPolicyChatClient other = Client()) expected = (await other.GetResponseAsync(Question, Twenty)).Text;
        var policy = new GatedPolicy(openSteps: 3);
        KvPolicyChatClient client = Client();
        List<ChatResponseUpdate> updates = [];
        await foreach (ChatResponseUpdate update in client.GetStreamingResponseAsync(Question, Twenty.Clone().WithPolicy(policy)))
        {
            updates.Add(update);
            if (updates.Count > 1) continue;
            client.Dispose();
            client.Dispose();
            policy.Open();
            await Assert.ThrowsAsync<ObjectDisposedException>(() => client.GetResponseAsync(Question, Twenty));
        }

        Assert.Equal(expected, updates.ToChatResponse().Text);
    }

    [Fact]
    public async Task A_request_that_waits_for_its_turn_is_refused_when_the_client_is_disposed()
    {
        var policy = new GatedPolicy(openSteps: 1);
        KvPolicyChatClient client = Client();
        Task<ChatResponse>? waiting = null;
        await foreach (ChatResponseUpdate update in client.GetStreamingResponseAsync(Question, Twenty.Clone().WithPolicy(policy)))
        {
            if (waiting is not null) continue;
            waiting = client.GetResponseAsync(Question, Twenty);
            client.Dispose();
            policy.Open();
        }

        await Assert.ThrowsAsync<ObjectDisposedException>(() => waiting!);
    }

    [Fact]
    public async Task A_message_that_is_null_is_told()
    {
        using KvPolicyChatClient client = Client();
        Assert.Contains("is null", (await Assert.ThrowsAsync<ArgumentException>(() => client.GetResponseAsync([null!]))).Message, StringComparison.Ordinal);
        Assert.Contains("null", (await Assert.ThrowsAsync<NotSupportedException>(() => client.GetResponseAsync([new ChatMessage(ChatRole.User, [null!])]))).Message, StringComparison.Ordinal);
    }

    private static KvPolicyChatClient Client() => new("embedded", new EngineOptions("cpu", Threads: 2), new KvPolicyChatOptions
    {
        Format = (messages, tokenizer) => new ChatPrompt([.. messages
            .SelectMany((message, i) => tokenizer.Encode(message.Text, new EncodeOptions(ParseSpecial: true, AddSpecial: i == 0)))
            .Select(token => token.Id)]),
    });
}
