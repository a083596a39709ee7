using KvPolicy.Inference.Tests.Support;
using KvPolicy.Inference.Tokenization;

namespace KvPolicy.Inference.Tests.Tokenization;

/// <summary>Folders of the Llama 2 kind: tokenizer.model, and tokens that fine-tuning added, in whichever file they stand.</summary>
public sealed class SentencePieceFolderTests : IDisposable
{
    private const int Added = 32000;
    private static readonly EncodeOptions Parse = new(ParseSpecial: true, AddSpecial: true);
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private ITextTokenizer Open(params (string File, string Json)[] files)
    {
        File.Copy(SharedData.Model("tokenizers", "llama2", "tokenizer.model"), _folder.At("tokenizer.model"), overwrite: true);
        foreach ((string file, string json) in files) _folder.Write(file, json);
        return TokenizerFactory.FromFolder(_folder.Path);
    }

    /// <summary>1 is BOS; 7251 is "▁hi" and 727 "▁there" (llama.cpp's ids of the same vocabulary).</summary>
    [SkippableFact]
    public void The_vocabulary_alone_gives_BOS_and_pieces()
    {
        ITextTokenizer tokenizer = Open();
        Assert.Equal([1, 7251, 727], TestText.Ids(tokenizer.Encode("hi there", Parse)));
        Assert.Equal([2], tokenizer.EndIds);
        Assert.Equal(Added, tokenizer.VocabularySize);
    }

    [SkippableTheory]
    [InlineData("added_tokens.json", """{"<|im_start|>":32000,"<|im_end|>":32001}""", """{"eos_token":"<|im_end|>"}""")]
    [InlineData("tokenizer.json", """
        {"model":{"type":"BPE","byte_fallback":true},"added_tokens":[{"id":32000,"content":"<|im_start|>","special":true},{"id":32001,"content":"<|im_end|>","special":true}]}
        """, """{"eos_token":"<|im_end|>"}""")]
    [InlineData("special_tokens_map.json", "{}", """{"eos_token":"<|im_end|>","added_tokens_decoder":{"32000":{"content":"<|im_start|>"},"32001":{"content":"<|im_end|>","special":true}}}""")]
    public void Tokens_that_fine_tuning_added_are_found_in_every_file(string file, string json, string config)
    {
        ITextTokenizer tokenizer = Open((file, json), ("tokenizer_config.json", config));
        Assert.Equal([1, Added, 7251, Added + 1], TestText.Ids(tokenizer.Encode("<|im_start|>hi<|im_end|>", Parse)));
        Assert.Equal([2, Added + 1], tokenizer.EndIds);
        Assert.True(tokenizer.IsSpecial(Added + 1));
        Assert.Equal(Added + 2, tokenizer.VocabularySize);
    }

    /// <summary>The space before the text alone, also where a token is declared as one of the normalized text.</summary>
    [SkippableTheory]
    [InlineData("true", new[] { 1, 7251, Added, 7251 })]
    [InlineData("false", new[] { 1, 7251, Added, 2918 })]
    public void Text_after_an_added_token_begins_with_a_space_only_in_the_legacy_form(string legacy, int[] expected)
    {
        ITextTokenizer tokenizer = Open(("tokenizer_config.json", $$"""{"legacy":{{legacy}},"added_tokens_decoder":{"32000":{"content":"<t>","normalized":true} } }"""));
        Assert.Equal(expected, TestText.Ids(tokenizer.Encode("hi<t>hi", Parse)));
    }
}
