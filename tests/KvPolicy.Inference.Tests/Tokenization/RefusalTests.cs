using System.Text;
using System.Text.Json.Nodes;
using KvPolicy.Inference.Models;
using KvPolicy.Inference.Tests.Loading.Building;
using KvPolicy.Inference.Tests.Support;
using KvPolicy.Inference.Tokenization;
using KvPolicy.Inference.Tokenization.Splitting;

namespace KvPolicy.Inference.Tests.Tokenization;

/// <summary>What is not understood is refused with one line that names the file and the place; nothing is ignored.</summary>
public sealed class RefusalTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("surprise", "1", "surprise")]
    [InlineData("normalizer", """{"type": "NFKC"}""", "normalizer.type")]
    [InlineData("normalizer", """{"type": "Sequence", "normalizers": [{"type": "NFC"}, {"type": "Lowercase"}]}""", "normalizer.normalizers[1].type")]
    [InlineData("pre_tokenizer", "null", "pre_tokenizer")]
    [InlineData("pre_tokenizer", """{"type": "Whitespace"}""", "pre_tokenizer.type")]
    [InlineData("pre_tokenizer", """{"type": "ByteLevel", "add_prefix_space": true}""", "pre_tokenizer.add_prefix_space")]
    [InlineData("pre_tokenizer", """{"type": "ByteLevel", "add_prefix_space": false, "extra": 1}""", "pre_tokenizer.extra")]
    [InlineData("pre_tokenizer", """{"type": "Sequence", "pretokenizers": [{"type": "Split", "pattern": {"Regex": "\\p{Han}+"}, "behavior": "Isolated", "invert": false}, {"type": "ByteLevel", "add_prefix_space": false}]}""", "\\p{Han")]
    [InlineData("pre_tokenizer", """{"type": "Sequence", "pretokenizers": [{"type": "Split", "pattern": {"Regex": "a"}, "behavior": "MergedWithNext", "invert": false}, {"type": "ByteLevel", "add_prefix_space": false}]}""", "pre_tokenizer.pretokenizers[0].behavior")]
    [InlineData("pre_tokenizer", """{"type": "Sequence", "pretokenizers": [{"type": "ByteLevel", "add_prefix_space": false}, {"type": "Digits", "individual_digits": true}]}""", "pre_tokenizer.pretokenizers[1]")]
    [InlineData("post_processor", """{"type": "BertProcessing"}""", "post_processor.type")]
    [InlineData("post_processor", """{"type": "TemplateProcessing", "single": [], "pair": [], "special_tokens": {}}""", "post_processor.single")]
    [InlineData("post_processor", """{"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<s>"}}, {"Sequence": {"id": "A"}}], "pair": [], "special_tokens": {"<s>": {"ids": [4000]}}}""", "post_processor.special_tokens.<s>.ids[0]")]
    [InlineData("decoder", """{"type": "WordPiece"}""", "decoder.type")]
    [InlineData("added_tokens", """[{"id": 3, "content": "<x>", "color": 1}]""", "added_tokens[0].color")]
    [InlineData("added_tokens", """[{"id": 3, "content": ""}]""", "added_tokens[0]")]
    [InlineData("added_tokens", """[{"id": -1, "content": "<x>"}]""", "added_tokens[0]")]
    [InlineData("added_tokens", """[{"id": 2000000000, "content": "<x>"}]""", "2000000000")]
    [InlineData("added_tokens", """[{"id": 3, "content": "hello"}]""", "added_tokens[0]")]
    public void Tokenizer_json_is_refused_by_path(string member, string value, string named)
    {
        JsonObject json = SmallTokenizers.Json();
        json[member] = JsonNode.Parse(value);
        Refused(() => TokenizerFactory.FromJson("small", SmallTokenizers.Utf8(json)), "small/tokenizer.json", named);
    }

    [Theory]
    [InlineData("type", "\"Unigram\"", "model.type")]
    [InlineData("dropout", "0.1", "model.dropout")]
    [InlineData("byte_fallback", "true", "model.byte_fallback")]
    [InlineData("continuing_subword_prefix", "\"##\"", "model.continuing_subword_prefix")]
    [InlineData("end_of_word_suffix", "\"</w>\"", "model.end_of_word_suffix")]
    [InlineData("unk_token", "\"<none>\"", "model.unk_token")]
    [InlineData("new_idea", "1", "model.new_idea")]
    [InlineData("vocab", "{}", "model.vocab")]
    [InlineData("vocab", """{"a": 0, "b": 0}""", "model.vocab")]
    [InlineData("vocab", """{"a": -1}""", "model.vocab")]
    [InlineData("vocab", """{"a": 1.5}""", "model.vocab")]
    [InlineData("vocab", """{"a": 99999999999}""", "model.vocab")]
    [InlineData("vocab", """{"a": 1900000000}""", "model.vocab")]
    [InlineData("vocab", """["a"]""", "model.vocab")]
    [InlineData("merges", """["h"]""", "model.merges")]
    [InlineData("merges", """["h e r"]""", "model.merges")]
    [InlineData("merges", """["q q"]""", "model.merges")]
    [InlineData("merges", """["qq qq"]""", "model.merges")]
    [InlineData("merges", """[["h"]]""", "model.merges[0]")]
    [InlineData("merges", """[["h", "e", "r"]]""", "model.merges[0]")]
    [InlineData("merges", """[["h ", "e"]]""", "model.merges[0]")]
    [InlineData("merges", "7", "model.merges")]
    public void A_model_is_refused_by_path(string member, string value, string named)
    {
        JsonObject json = SmallTokenizers.Json();
        json["model"]![member] = JsonNode.Parse(value);
        Refused(() => TokenizerFactory.FromJson("small", SmallTokenizers.Utf8(json)), "small/tokenizer.json", named);
    }

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("{")]
    [InlineData("{\"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": 0, \"a\": 1}}}")]
    [InlineData("{\"version\": \"\\ud800\", \"normalizer\": {\"type\": \"\\ud800\"}}")]
    [InlineData("{\"\\ud800\": 1}")]
    public void What_is_no_document_is_refused(string text)
        => Refused(() => TokenizerFactory.FromJson("small", Encoding.UTF8.GetBytes(text)), "small/tokenizer.json");

    [Fact]
    public void Deep_nesting_is_refused()
        => Refused(() => TokenizerFactory.FromJson("small", Encoding.UTF8.GetBytes("{\"model\":" + new string('[', 100_000))),
            "small/tokenizer.json");

    [Theory]
    [InlineData(@"(?<=a)b")]
    [InlineData(@"a++")]
    [InlineData(@"\w+")]
    [InlineData(@"\bx")]
    [InlineData(@"^a")]
    [InlineData(@"a$")]
    [InlineData(@"[[:alpha:]]")]
    [InlineData(@"[a&&b]")]
    [InlineData(@"[a-z-[aeiou]]")]
    [InlineData(@"[")]
    [InlineData(@"[]")]
    [InlineData(@"(a")]
    [InlineData(@"a)")]
    [InlineData(@"*a")]
    [InlineData(@"a{,3}")]
    [InlineData(@"a{3")]
    [InlineData(@"[z-a]")]
    [InlineData(@"(?i:é)")]
    [InlineData(@"(?i:[a-z])")]
    [InlineData(@"\p{Greek}")]
    [InlineData(@"\pL")]
    [InlineData("[\U00010400-\U0001044F]")]
    [InlineData(@"a\")]
    [InlineData(@"(?x:a b)")]
    [InlineData(@"a{99999}")]
    public void Patterns_that_could_mean_something_else_are_refused(string pattern)
    {
        JsonObject json = WithPattern(pattern);
        ModelFormatException e = Refused(() => TokenizerFactory.FromJson("small", SmallTokenizers.Utf8(json)), "small/tokenizer.json",
            "pre_tokenizer");
        Assert.Contains("not supported", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_pattern_that_goes_astray_on_a_text_is_an_error_and_no_standstill()
    {
        var splitter = new Splitter([new SplitRule(@"(\p{L}+\s?)+\p{N}")], TimeSpan.FromMilliseconds(20));
        Assert.Equal([(0, 3), (3, 4)], splitter.Split("ab1c", 0, 4));
        var e = Assert.Throws<ModelFormatException>(() => splitter.Split(new string('a', 5000), 0, 5000));
        LoadAssert.OneLine(e, "tokenizer: split pattern");
    }

    [Fact]
    public void Patterns_nested_without_end_are_refused()
        => Refused(() => TokenizerFactory.FromJson("small", SmallTokenizers.Utf8(WithPattern(new string('(', 2000)))), "small/tokenizer.json",
            "nested");

    [Theory]
    [InlineData("tokenizer.ggml.pre", "gpt-5-secret", "gpt-5-secret")]
    [InlineData("tokenizer.ggml.model", "bert", "bert")]
    [InlineData("tokenizer.ggml.tokens", null, "tokenizer.ggml.tokens")]
    [InlineData("tokenizer.ggml.pre", null, "tokenizer.ggml.pre")]
    [InlineData("tokenizer.ggml.model", null, "tokenizer.ggml.model")]
    [InlineData("tokenizer.ggml.merges", null, "tokenizer.ggml.merges")]
    [InlineData("tokenizer.ggml.tokens", new string[0], "tokenizer.ggml.tokens")]
    [InlineData("tokenizer.ggml.tokens", new[] { "a", "a" }, "tokenizer.ggml.to")]
    [InlineData("tokenizer.ggml.merges", new[] { "ab cd" }, "tokenizer.ggml.merges")]
    [InlineData("tokenizer.ggml.merges", new[] { "" }, "tokenizer.ggml.merges")]
    [InlineData("tokenizer.ggml.token_type", new[] { 1, 2 }, "tokenizer.ggml.token_type")]
    [InlineData("tokenizer.ggml.eos_token_id", 5000u, "tokenizer.ggml.eos_token_id")]
    [InlineData("tokenizer.ggml.eot_token_id", uint.MaxValue, "tokenizer.ggml.eot_token_id")]
    [InlineData("tokenizer.ggml.bos_token_id", "one", "tokenizer.ggml.bos_token_id")]
    public void A_GGUF_is_refused_by_key(string key, object? value, string named)
    {
        GgufBuilder gguf = SmallTokenizers.Gguf();
        string path = _folder.Write("v.gguf", (value is null ? gguf.Remove(key) : gguf.Set(key, value)).Build());
        Refused(() => GoldenTokenTests.FromGguf(path), path, named);
    }

    [Fact]
    public void A_SentencePiece_GGUF_is_refused_by_key()
    {
        GgufRefused(SmallTokenizers.SentencePiece(("a", -1, 1), ("a", -2, 1)), "repeats");
        GgufRefused(SmallTokenizers.SentencePiece(("a", float.NaN, 1)), "tokenizer.ggml.scores");
        GgufRefused(SmallTokenizers.SentencePiece(("a", -1, 9)), "tokenizer.ggml.token_type");
        GgufRefused(SmallTokenizers.SentencePiece(("a", -1, 6)), "byte");
        GgufRefused(SmallTokenizers.SentencePiece(("a", -1, 1)).Set("tokenizer.ggml.scores", (float[])[1]), "tokenizer.ggml.scores");
        GgufRefused(SmallTokenizers.SentencePiece(("a", -1, 1)).Set("tokenizer.ggml.remove_extra_whitespaces", true), "remove_extra_whitespaces");
        GgufRefused(SmallTokenizers.Gguf().Remove("tokenizer.ggml.bos_token_id").Set("tokenizer.ggml.add_bos_token", true),
            "tokenizer.ggml.add_bos_token");
    }

    [Fact]
    public void A_folder_without_a_tokenizer_is_refused()
        => Refused(() => TokenizerFactory.FromFolder(_folder.Path), _folder.Path, "tokenizer.json");

    [Theory]
    [InlineData("generation_config.json", """{"eos_token_id": [1, 5000]}""", "eos_token_id[1]")]
    [InlineData("config.json", """{"eos_token_id": -2}""", "eos_token_id")]
    [InlineData("config.json", "[]", "document")]
    [InlineData("tokenizer_config.json", """{"added_tokens_decoder": {"x": {"content": "y"}}}""", "added_tokens_decoder.x")]
    [InlineData("tokenizer_config.json", """{"bos_token": 7}""", "bos_token")]
    public void Settings_are_refused_by_path(string file, string text, string named)
    {
        _folder.Write("tokenizer.json", SmallTokenizers.Utf8(SmallTokenizers.Json()));
        _folder.Write(file, text);
        Refused(() => TokenizerFactory.FromFolder(_folder.Path), Path.Combine(_folder.Path, file), named);
    }

    private void GgufRefused(GgufBuilder gguf, string named)
    {
        string path = _folder.Write("v.gguf", gguf.Build());
        Refused(() => GoldenTokenTests.FromGguf(path), path, named);
    }

    private static JsonObject WithPattern(string pattern)
    {
        JsonObject json = SmallTokenizers.Json();
        json["pre_tokenizer"] = new JsonObject
        {
            ["type"] = "Sequence",
            ["pretokenizers"] = new JsonArray(
                new JsonObject
                {
                    ["type"] = "Split",
                    ["pattern"] = new JsonObject { ["Regex"] = pattern },
                    ["behavior"] = "Isolated",
                    ["invert"] = false,
                },
                new JsonObject { ["type"] = "ByteLevel", ["add_prefix_space"] = false, ["use_regex"] = false }),
        };
        return json;
    }

    private static ModelFormatException Refused(Func<ITextTokenizer> load, string file, string named = "")
    {
        var e = Assert.Throws<ModelFormatException>(load);
        LoadAssert.OneLine(e, file);
        Assert.Contains(named, e.Message, StringComparison.Ordinal);
        return e;
    }
}
