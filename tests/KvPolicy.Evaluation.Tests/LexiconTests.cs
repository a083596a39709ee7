using System.Text.Json;
using System.Text.Json.Nodes;
using KvPolicy.Evaluation.Language;
using KvPolicy.Evaluation.Tests.Support;

namespace KvPolicy.Evaluation.Tests;

/// <summary>The vocabulary: one token a word, with the ids of the embedded model.</summary>
public class LexiconTests
{
    [Fact]
    public void No_word_stands_twice_and_classes_are_as_described()
    {
        Assert.Equal(351, Lexicon.All.Length);
        Assert.Equal(Lexicon.All.Length, Lexicon.All.Distinct().Count());
        Assert.Equal(64, Lexicon.Members.Length);
        Assert.Equal(Witness.ClassOf.Keys, Lexicon.Members);
        Assert.All(Lexicon.Members, member => Assert.Equal(Witness.ClassOf[member], World.ClassOf(member)));
    }

    [Fact]
    public void Tokenizer_is_the_one_of_the_embedded_model() =>
        AssertSameTokenizer(RepositoryFiles.Own("src/KvPolicy.Inference/Resources/kvpolicy-tiny/tokenizer.json"));

    [SkippableFact]
    public void Tokenizer_is_the_one_of_the_reference_model() => AssertSameTokenizer(RepositoryFiles.Shared("models/kvpolicy-tiny/tokenizer.json"));

    [SkippableFact]
    public void Words_have_the_ids_of_the_reference_model()
    {
        using JsonDocument golden = JsonDocument.Parse(File.ReadAllText(RepositoryFiles.Shared("models/kvpolicy-tiny/golden.json")));
        int[] ids = LexiconTokenizer.WordIds();
        foreach (JsonElement prompt in golden.RootElement.EnumerateArray())
        {
            IEnumerable<string> words = ["<bos>", .. Witness.Words(prompt.GetProperty("prompt").GetString()!)];
            Assert.Equal(prompt.GetProperty("ids").EnumerateArray().Select(id => id.GetInt32()), words.Select(word => ids[Lexicon.IndexOf[word]]));
        }
    }

    private static void AssertSameTokenizer(string file)
    {
        JsonNode? expected = JsonNode.Parse(File.ReadAllText(file));
        Assert.True(JsonNode.DeepEquals(expected, JsonNode.Parse(LexiconTokenizer.ToJson())), "Not the same JSON as " + file);
    }
}
