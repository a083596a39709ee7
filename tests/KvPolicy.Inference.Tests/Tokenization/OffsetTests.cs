using System.Text;
using CsCheck;
using KvPolicy.Inference.Tests.Support;
using KvPolicy.Inference.Tokenization;

namespace KvPolicy.Inference.Tests.Tokenization;

/// <summary>Where tokens begin in the text, and that they give the text back.</summary>
public class OffsetTests
{
    private static readonly Gen<string> Texts = Gen.OneOf(
        Gen.Char['a', 'e'].Array[1, 6].Select(c => new string(c)),
        Gen.Char.Array[1, 3].Select(c => new string(c)), // lone surrogates among them
        Gen.OneOf(" ", "   ", "\n\n", "\r\n", "12", "é", "e\u0301", "\u1100\u1161\u11A8", "你好", "🙂", "👩‍👧", "𝔘", "'s", "<|im_end|>", "<s>", "!!!!!",
            "ﬁ", "\u0344"))
        .Array[0, 12].Select(string.Concat);

    /// <summary>Independent of any merging: a byte-level token's bytes begin where those before it end.</summary>
    [SkippableTheory]
    [InlineData("tiny/llama")]
    [InlineData("tiny/llama3-rope")]
    [InlineData("kvpolicy-tiny")]
    public void A_byte_level_tokens_start_is_the_character_of_its_first_byte(string model)
    {
        ITextTokenizer tokenizer = TokenizerFactory.FromFolder(SharedData.Model(model.Split('/')));
        Texts.Sample(text =>
        {
            IReadOnlyList<TextToken> tokens = tokenizer.Encode(text, new EncodeOptions(ParseSpecial: true, AddSpecial: false));
            int[] characterOfByte = CharacterOfByte(text);
            int at = 0;
            foreach (TextToken token in tokens)
            {
                Assert.Equal(characterOfByte[at], token.Start);
                at += tokenizer.Bytes(token.Id).Length;
            }
            Assert.Equal(characterOfByte.Length, at);
            Assert.Equal(Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text)), tokenizer.Decode(TestText.Ids(tokens), skipSpecial: false));
        }, iter: 2000);
    }

    [SkippableFact]
    public void A_SentencePiece_tokens_start_is_the_character_of_its_first_byte_and_the_prefix_belongs_to_the_first()
    {
        ITextTokenizer tokenizer = GoldenTokenTests.FromGguf(SharedData.Model("tokenizers", "ggml-vocab", "ggml-vocab-llama-spm.gguf"));
        Texts.Sample(text =>
        {
            IReadOnlyList<TextToken> tokens = tokenizer.Encode(text, new EncodeOptions(ParseSpecial: false, AddSpecial: false));
            int[] characterOfByte = [0, .. CharacterOfByte(text)];
            int at = 0;
            foreach (TextToken token in tokens)
            {
                // A character that has become bytes: each of them begins where the character does, as with byte-level tokens.
                Assert.Equal(characterOfByte[at], token.Start);
                at += tokenizer.Bytes(token.Id).Length;
            }
            Assert.Equal(Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text)), tokenizer.Decode(TestText.Ids(tokens), skipSpecial: false));
        }, iter: 2000);
    }

    [SkippableFact]
    public void Composed_text_keeps_the_offsets_of_the_original()
    {
        ITextTokenizer tokenizer = TokenizerFactory.FromFolder(SharedData.Model("tiny", "qwen2"));
        const string Text = "e\u0301e\u0301 x\n\ny\u1100\u1161z";
        IReadOnlyList<TextToken> tokens = tokenizer.Encode(Text, default);
        Assert.Equal(Text.IndexOf('\n', StringComparison.Ordinal), tokens.First(token => tokenizer.Bytes(token.Id)[0] == '\n').Start);
        Assert.Equal(Text.Length - 1, tokens[^1].Start);
        Assert.Contains(tokens, token => token.Start == 2);
        Assert.True(tokens.Zip(tokens.Skip(1)).All(pair => pair.First.Start <= pair.Second.Start));
    }

    [Fact]
    public void Text_composed_in_segments_is_the_text_composed_whole()
    {
        Gen<char> tricky = Gen.OneOf(Gen.Char['\u0300', '\u036F'], Gen.Char['\u1100', '\u11FF'], Gen.Char['\uAC00', '\uAC40'], Gen.Char['a', 'z'],
            Gen.Char['\u0900', '\u0E00'], Gen.Char['\u3040', '\u30FF'], Gen.Char['\uF900', '\uFB4F']);
        tricky.Array[0, 24].Select(c => new string(c)).Sample(text =>
        {
            NormalizedText composed = NormalizedText.Compose(text);
            Assert.Equal(text.Normalize(NormalizationForm.FormC), composed.Text);
            for (int i = 0; i < composed.Text.Length; i++)
            {
                int origin = composed.OriginOf(i);
                Assert.InRange(origin, i > 0 ? composed.OriginOf(i - 1) : 0, text.Length - 1);
            }
        }, iter: 20_000);
    }

    [Fact]
    public void What_the_tokenizer_adds_has_no_place_in_the_text()
    {
        var json = SmallTokenizers.Json();
        json["post_processor"] = System.Text.Json.Nodes.JsonNode.Parse("""
            {"type": "TemplateProcessing",
             "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "</s>", "type_id": 0}}],
             "pair": [], "special_tokens": {"<s>": {"id": "<s>", "ids": [266], "tokens": ["<s>"]}, "</s>": {"id": "</s>", "ids": [267], "tokens": ["</s>"]}}}
            """);
        ITextTokenizer tokenizer = TokenizerFactory.FromJson("small", SmallTokenizers.Utf8(json));
        IReadOnlyList<TextToken> tokens = tokenizer.Encode("a<s>", new EncodeOptions(ParseSpecial: true, AddSpecial: true));
        Assert.Equal([266, 'a', 266, 267], TestText.Ids(tokens));
        Assert.Equal([-1, 0, 1, -1], TestText.Starts(tokens));
    }

    private static int[] CharacterOfByte(string text)
    {
        var starts = new List<int>();
        int at = 0;
        foreach (Rune rune in text.EnumerateRunes())
        {
            for (int i = 0; i < rune.Utf8SequenceLength; i++) starts.Add(at);
            at += rune.Utf16SequenceLength;
        }
        return [.. starts];
    }
}
