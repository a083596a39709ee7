using System.Text.Json;
using KvPolicy.Cli.Tests.Support;

namespace KvPolicy.Cli.Tests.Commands;

public sealed class TokenizeTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private static int[] Ids(JsonElement array) => [.. array.EnumerateArray().Select(e => e.GetInt32())];

    [SkippableFact]
    public void Ids_are_those_of_the_reference_software()
    {
        string folder = Repository.Shared("models", "kvpolicy-tiny");
        JsonElement golden = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "golden.json"))).RootElement;
        string texts = _folder.Write("texts.json", JsonSerializer.Serialize(golden.EnumerateArray().Select(g => g.GetProperty("prompt").GetString())));
        JsonElement all = InProcess.Run("tokenize", "--model", "embedded", "--file", texts, "--json").Json;
        Assert.Equal(golden.EnumerateArray().Select(g => Ids(g.GetProperty("ids"))), all.EnumerateArray().Select(Ids));
        Assert.Equal(Ids(golden[0].GetProperty("ids")), Ids(InProcess.Run("tokenize", "--model", "embedded", "--text", golden[0].GetProperty("prompt").GetString()!, "--json").Json));
    }

    [Fact]
    public void Plain_leaves_special_tokens_text()
    {
        int[] special = Ids(InProcess.Run("tokenize", "--model", "embedded", "--text", "<sep>", "--json").Json);
        int[] plain = Ids(InProcess.Run("tokenize", "--model", "embedded", "--text", "<sep>", "--plain", "--json").Json);
        Assert.Equal([1, 2], special);
        Assert.True(plain.Length > 2);
        Assert.DoesNotContain(2, plain);
    }

    [Fact]
    public void Text_for_people_is_one_line_a_text()
    {
        string texts = _folder.Write("texts.json", "[\"<sep>\", \"\"]");
        Assert.Equal("1 2\n1\n", InProcess.Run("tokenize", "--model", "embedded", "--file", texts).Out);
    }

    [Fact]
    public void Bad_arguments_are_refused()
    {
        InProcess.Run("tokenize", "--model", "embedded").Refuses(2, "--text or --file is missing");
        InProcess.Run("tokenize", "--text", "x").Refuses(2, "--model is missing");
        InProcess.Run("tokenize", "--model", "embedded", "--text", "a", "--file", "b").Refuses(2, "--text and --file");
        InProcess.Run("tokenize", "--model", "embedded", "--text", "a", "--text", "a").Refuses(2, "--text was given twice");
        InProcess.Run("tokenize", "--model", "embedded", "--chat", "--text", "a").Refuses(2, "--chat", "embedded");
        InProcess.Run("tokenize", "--model", _folder["none.gguf"], "--text", "a").Refuses(1, "none.gguf", "no such file");
        InProcess.Run("tokenize", "--model", "embedded", "--file", _folder.Path).Refuses(2, "is a folder");
        InProcess.Run("tokenize", "--model", "", "--text", "a").Refuses(2, "--model: the path is empty");
        InProcess.Run("tokenize", "--model", "embedded", "--file", _folder.Write("t", "[1]")).Refuses(2, "not a string");
    }
}
