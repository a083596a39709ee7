using System.Text;
using System.Text.Json.Nodes;
using KvPolicy.Inference.Tests.Support;
using KvPolicy.Inference.Tokenization;
using KvPolicy.Inference.Tokenization.Formats;
using Theirs = Tokenizers.DotNet.Tokenizer;

namespace KvPolicy.Witness;

/// <summary>Our tokenizers against Hugging Face's own library.</summary>
public sealed class HuggingFaceTests : IDisposable
{
    private const int Strings = 10_000;

    private readonly string _folder = Directory.CreateTempSubdirectory("kvpolicy-witness-").FullName;

    public static TheoryData<string> Models => [.. WitnessModels.Names];

    public static TheoryData<string> PreTokenizers => [.. GgufPreTokenizers.Names];

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [SkippableTheory]
    [MemberData(nameof(Models))]
    public void Random_strings_give_the_same_ids(string model)
    {
        (ITextTokenizer ours, string json) = WitnessModels.Open(model, _folder);
        Compare(ours, new Theirs(json), Addings(model), new RandomText(model.Length), Strings);
    }

    [SkippableTheory]
    [InlineData("tiny/llama")]
    [InlineData("tiny/llama3-rope")]
    [InlineData("kvpolicy-tiny")]
    [InlineData("SmolLM2")]
    [InlineData("gpt-2")]
    public void Random_ids_give_the_same_text(string model)
    {
        (ITextTokenizer ours, string json) = WitnessModels.Open(model, _folder);
        var theirs = new Theirs(json);
        var random = new Random(11);
        for (int i = 0; i < Strings; i++)
        {
            // Mostly ids of few bytes, so that characters are begun, broken off and completed.
            int[] ids = [.. Enumerable.Range(0, random.Next(1, 12)).Select(_ => random.Next(random.Next(2) == 0 ? 400 : ours.VocabularySize))];
            Assert.Equal(theirs.Decode([.. ids.Select(id => (uint)id)]), ours.Decode(ids, skipSpecial: true));
        }
    }

    [SkippableTheory]
    [InlineData("tiny/llama")]
    [InlineData("tiny/llama3-rope")]
    [InlineData("tiny/qwen2")]
    [InlineData("SmolLM2")]
    [InlineData("deepseek-coder")]
    public void Every_assigned_code_point_gives_the_same_ids(string model)
    {
        (ITextTokenizer ours, string json) = WitnessModels.Open(model, _folder);
        var theirs = new Theirs(json);
        for (int c = 0; c <= 0x10FFFF; c++)
        {
            // Ideographs, Hangul syllables, Tangut and private use fill whole ranges: their ends speak for the rest.
            if (c is (> 0x3410 and < 0x4DB0) or (> 0x4E10 and < 0x9FA0) or (> 0xAC40 and < 0xD790) or (> 0xE010 and < 0xF8F0)) continue;
            if (c is (> 0x17010 and < 0x187F0) or (> 0x20010 and < 0x323A0) or (> 0xF0010 and < 0x10FFF0)) continue;
            if (!RandomText.IsAssigned(c)) continue;
            string s = char.ConvertFromUtf32(c);
            CompareOne(ours, theirs, Addings(model), $"a{s}1 {s}{s}b.{s}\n'{s} {s}");
        }
    }

    [SkippableTheory]
    [MemberData(nameof(PreTokenizers))]
    public void Every_known_pre_tokenizer_cuts_as_its_patterns_do_there(string name)
    {
        Assert.True(GgufPreTokenizers.TryGet(name, out GgufPreTokenizer? pre));
        JsonNode[] steps = [.. pre.Rules.Select(rule => (JsonNode)WitnessModels.Split(rule.Pattern)), WitnessModels.ByteLevel(regex: false)];
        Variant(json => json["pre_tokenizer"]!["pretokenizers"] = new JsonArray(steps), 2_000);
    }

    [SkippableTheory]
    [InlineData("lstrip")]
    [InlineData("rstrip")]
    [InlineData("single_word")]
    [InlineData("normalized")]
    public void Flags_of_added_tokens_mean_the_same(string flag)
    {
        Variant(json =>
        {
            foreach (string content in new[] { "abc", "e\u0301", "|", "<|im", "7", " 1", "Ab" }) Add(json, content, special: false)[flag] = true;
            json["normalizer"] = new JsonObject { ["type"] = "NFC" };
        }, 5_000);
    }

    [SkippableFact]
    public void Longest_of_overlapping_added_tokens_wins()
        => Variant(json =>
        {
            string[] contents = ["a", "ab", "abcd", "bc", "  ", "    ", "<", "<|", "<|im_start|>"];
            foreach (string content in contents) Add(json, content, special: content.Length == 2);
        }, 5_000);

    private static JsonObject Add(JsonNode json, string content, bool special)
    {
        JsonArray added = json["added_tokens"]!.AsArray();
        int id = (int?)json["model"]!["vocab"]![content] ?? 512 + added.Count(token => (int)token!["id"]! >= 512);
        JsonObject token = WitnessModels.AddedToken(id, content, special);
        added.Add(token);
        return token;
    }

    // BOS comes from a post-processor, which the documents made from GGUF files have not.
    private static bool Addings(string model) => model.Contains('/') || model == "kvpolicy-tiny";

    // tiny/llama3-rope with something changed, read by both.
    private void Variant(Action<JsonNode> change, int strings)
    {
        JsonNode json = JsonNode.Parse(File.ReadAllText(SharedData.Model("tiny", "llama3-rope", "tokenizer.json")))!;
        change(json);
        string file = Path.Combine(_folder, "tokenizer.json");
        File.WriteAllText(file, json.ToJsonString());
        Compare(TokenizerFactory.FromJson("variant", Encoding.UTF8.GetBytes(json.ToJsonString())), new Theirs(file), true, new RandomText(7),
            strings);
    }

    private static void Compare(ITextTokenizer ours, Theirs theirs, bool addSpecial, RandomText texts, int count)
    {
        for (int i = 0; i < count; i++) CompareOne(ours, theirs, addSpecial, texts.Next());
    }

    private static void CompareOne(ITextTokenizer ours, Theirs theirs, bool addSpecial, string text)
    {
        uint[] expected = theirs.Encode(text);
        uint[] actual = [.. ours.Encode(text, new EncodeOptions(ParseSpecial: true, addSpecial)).Select(token => (uint)token.Id)];
        if (!expected.AsSpan().SequenceEqual(actual))
        {
            Assert.Fail($"{Escaped(text)}\ntheirs: {string.Join(' ', expected)}\nours:   {string.Join(' ', actual)}");
        }
    }

    private static string Escaped(string text) => string.Concat(text.Select(c => c is >= ' ' and <= '~' ? c.ToString() : $"\\u{(int)c:X4}"));
}
