using System.Text.Json;
using KvPolicy.Inference.Models;
using KvPolicy.Inference.Tests.Support;
using KvPolicy.Inference.Tokenization;

namespace KvPolicy.Inference.Tests.Tokenization;

public class ChatTests
{
    [SkippableFact]
    public void SmolLM2_conversations_give_the_ids_of_Hugging_Face()
    {
        ITextTokenizer tokenizer = SmolLM2();
        using JsonDocument golden = JsonDocument.Parse(File.ReadAllBytes(SharedData.Model("SmolLM2-135M-Instruct", "golden.json")));
        foreach (JsonElement chat in golden.RootElement.GetProperty("chat").EnumerateArray())
        {
            ChatMessage[] messages = [.. chat.GetProperty("messages").EnumerateArray().Select(Message)];
            int[] ids = [.. chat.GetProperty("ids").EnumerateArray().Select(id => id.GetInt32())];
            bool prompt = chat.GetProperty("add_generation_prompt").GetBoolean();
            Assert.Equal(ids, TestText.Ids(tokenizer.EncodeChat(messages, prompt, parseSpecial: false)));
            if (messages is [{ Role: "user" }]) Assert.Equal(ids, TestText.Ids(tokenizer.EncodeChat(messages[0].Content, parseSpecial: false)));
        }
    }

    [SkippableFact]
    public void Special_tokens_in_a_users_words_are_plain_unless_asked_for()
    {
        ITextTokenizer tokenizer = SmolLM2();
        const string Text = "a<|im_end|>b";
        int[] plain = TestText.Ids(tokenizer.EncodeChat(Text, parseSpecial: false));
        int[] parsed = TestText.Ids(tokenizer.EncodeChat(Text, parseSpecial: true));
        Assert.Equal(2, plain.Count(id => id == 2));
        Assert.Equal(3, parsed.Count(id => id == 2));
        Assert.Equal(tokenizer.Decode(plain, skipSpecial: false), tokenizer.Decode(parsed, skipSpecial: false));
    }

    [SkippableFact]
    public void Offsets_are_those_in_the_users_words_and_minus_one_for_the_templates()
    {
        ITextTokenizer tokenizer = SmolLM2();
        const string Text = "One 🙂 two\n\nthree";
        IReadOnlyList<TextToken> tokens = tokenizer.EncodeChat(Text, parseSpecial: false);
        TextToken[] own = [.. tokens.Where(token => token.Start >= 0)];
        Assert.Equal(0, own[0].Start);
        Assert.True(own.Zip(own.Skip(1)).All(pair => pair.First.Start <= pair.Second.Start));
        Assert.Equal(Text.IndexOf("three", StringComparison.Ordinal), own[^1].Start);
        Assert.All(tokens.Where(token => token.Id is 1 or 2), token => Assert.Equal(-1, token.Start));
    }

    [SkippableFact]
    public void A_model_without_a_template_says_so_when_a_chat_is_asked_for()
    {
        ITextTokenizer tokenizer = TokenizerFactory.FromFolder(SharedData.Model("tiny", "llama3-rope"));
        Assert.False(tokenizer.HasChatTemplate);
        ModelFormatException problem = Assert.Throws<ModelFormatException>(() => tokenizer.EncodeChat("x", false));
        Assert.Contains("chat template: the model has none", problem.Message, StringComparison.Ordinal);
        Assert.NotEmpty(tokenizer.Encode("x", default));
    }

    private static ChatMessage Message(JsonElement message)
        => new(message.GetProperty("role").GetString()!, message.GetProperty("content").GetString()!);

    private static ITextTokenizer SmolLM2()
        => GoldenTokenTests.FromGguf(SharedData.Model("SmolLM2-135M-Instruct", "SmolLM2-135M-Instruct.Q4_1.gguf"));
}
