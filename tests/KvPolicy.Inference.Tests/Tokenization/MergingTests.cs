using System.Text;
using CsCheck;
using KvPolicy.Inference.Loading.Gguf;
using KvPolicy.Inference.Tests.Support;
using KvPolicy.Inference.Tokenization;
using KvPolicy.Inference.Tokenization.Bpe;
using Microsoft.ML.Tokenizers;

namespace KvPolicy.Inference.Tests.Tokenization;

/// <summary>The merging itself, against the library, against the definition carried out literally, and between the forms of one vocabulary.</summary>
public class MergingTests
{
    private static readonly EncodeOptions Plain = new(ParseSpecial: false, AddSpecial: false);

    private static readonly Gen<string> Runs = Gen.OneOf(
        Gen.Char['a', 'd'].Array[1, 30].Select(c => new string(c)),
        Gen.OneOf(" ", "    ", "!!!!!!", "=======", "aaaaaaa", "hahaha", "the", " quick", "12", "ü", "你好", "🙂", "\n"))
        .Array[0, 10].Select(string.Concat);

    [SkippableFact]
    public void Long_pieces_merge_as_the_library_merges_short_ones()
    {
        using GgufFile file = GgufFile.Open(SharedData.Model("tokenizers", "ggml-vocab", "ggml-vocab-gpt-2.gguf"));
        string[] tokenOf = file.Metadata.GetStringArray("tokenizer.ggml.tokens")!;
        Dictionary<string, int> ids = Enumerable.Range(0, tokenOf.Length).ToDictionary(id => tokenOf[id]);
        string[] merges = file.Metadata.GetStringArray("tokenizer.ggml.merges")!;
        var own = new LongPieceMerger(ids, merges);
        var library = BpeTokenizer.Create(new BpeOptions(ids) { Merges = merges, ByteLevel = true });
        Runs.Sample(text =>
        {
            var tokens = new List<TextToken>();
            own.Encode(text, 7, tokens);
            IReadOnlyList<EncodedToken> expected = library.EncodeToTokens(text, out _, considerPreTokenization: false, considerNormalization: false);
            Assert.Equal(expected.Select(token => (token.Id, 7 + token.Offset.Start.Value)), tokens.Select(token => (token.Id, token.Start)));
        }, iter: 2000);
    }

    [SkippableFact]
    public void A_piece_of_any_length_is_encoded_whole()
    {
        ITextTokenizer tokenizer = GoldenTokenTests.FromGguf(SharedData.Model("tokenizers", "ggml-vocab", "ggml-vocab-gpt-2.gguf"));
        foreach (int length in new[] { ByteLevelBpe.LongPiece - 1, ByteLevelBpe.LongPiece, ByteLevelBpe.LongPiece + 1, 50_000 })
        {
            var text = new string([.. Enumerable.Range(0, length).Select(i => (char)('a' + (((i * 7) + (i / 5)) % 26)))]);
            Assert.Equal(text, tokenizer.Decode(TestText.Ids(tokenizer.Encode(text, Plain)), skipSpecial: false));
        }
    }

    /// <summary>The definition: of all neighbours whose join is a piece, join those with the best score, the leftmost of equals; again, until there
    /// are none.</summary>
    [SkippableFact]
    public void SentencePiece_does_what_its_definition_says()
    {
        string path = SharedData.Model("tokenizers", "ggml-vocab", "ggml-vocab-llama-spm.gguf");
        using GgufFile file = GgufFile.Open(path);
        string[] pieces = file.Metadata.GetStringArray("tokenizer.ggml.tokens")!;
        float[] scores = file.Metadata.GetFloatArray("tokenizer.ggml.scores")!;
        int[] types = file.Metadata.GetIntArray("tokenizer.ggml.token_type")!;
        var ids = Enumerable.Range(0, pieces.Length).Where(id => types[id] == 1).ToDictionary(id => pieces[id]);
        ITextTokenizer tokenizer = TokenizerFactory.FromGguf(file);
        Runs.Where(text => text.Length > 0).Sample(text => Assert.Equal(Naive(text, ids, scores), TestText.Ids(tokenizer.Encode(text, Plain))),
            iter: 500);
    }

    [SkippableFact]
    public void One_vocabulary_in_three_forms_gives_the_same_ids()
    {
        using var folder = new TemporaryFolder();
        File.Copy(SharedData.Model("tokenizers", "llama2", "tokenizer.model"), folder.At("tokenizer.model"));
        ITextTokenizer model = TokenizerFactory.FromFolder(folder.Path);
        ITextTokenizer gguf = GoldenTokenTests.FromGguf(SharedData.Model("tokenizers", "ggml-vocab", "ggml-vocab-llama-spm.gguf"));
        ITextTokenizer llama2c = TokenizerFactory.FromLlama2c(SharedData.Model("tokenizers", "llama2", "tokenizer.bin"), 32000);
        Assert.Equal((1, 32000, true), (model.BosId, model.VocabularySize, model.DropsLeadingSpace));
        Assert.Equal([2], model.EndIds);
        var asRun = new EncodeOptions(ParseSpecial: false, AddSpecial: true);
        Runs.Sample(text =>
        {
            int[] ids = TestText.Ids(model.Encode(text, asRun));
            Assert.Equal(ids, TestText.Ids(gguf.Encode(text, asRun)));
            // llama2.c puts the space before every text but an empty one, as the others do.
            Assert.Equal(ids, TestText.Ids(llama2c.Encode(text, asRun)));
            Assert.Equal(text, model.Decode(ids, skipSpecial: true));
            Assert.Equal(text, llama2c.Decode(ids, skipSpecial: true));
        }, iter: 500);
        // Two spaces, the written one and the prefix, are one piece.
        Assert.Equal([1, 2, 259], TestText.Ids(model.Encode("</s> ", new EncodeOptions(true, true))));
    }

    [SkippableTheory]
    [InlineData("{}", new[] { 1, 2, 263 })]
    [InlineData("""{"legacy": false, "add_bos_token": false}""", new[] { 2, 29874 })]
    [InlineData("""{"add_eos_token": true, "added_tokens_decoder": {"32000": {"content": "<tool>", "special": false}}}""", new[] { 1, 2, 263, 2 })]
    public void Settings_beside_a_tokenizer_model_count(string config, int[] ids)
    {
        using var folder = new TemporaryFolder();
        File.Copy(SharedData.Model("tokenizers", "llama2", "tokenizer.model"), folder.At("tokenizer.model"));
        folder.Write("tokenizer_config.json", config);
        ITextTokenizer tokenizer = TokenizerFactory.FromFolder(folder.Path);
        Assert.Equal(ids, TestText.Ids(tokenizer.Encode("</s>a", new EncodeOptions(true, true))));
        Assert.Equal(config.Contains("<tool>", StringComparison.Ordinal) ? 32001 : 32000, tokenizer.VocabularySize);
    }

    [Fact]
    public void A_piece_that_may_only_be_passed_through_is_taken_apart_again()
    {
        // "abcd" is reached through "ab" (unused) and "abc" (unused); without a whole it falls back to what may be given.
        using var folder = new TemporaryFolder();
        (string, float, int)[] pieces = [("a", -9, 1), ("b", -9, 1), ("c", -9, 1), ("d", -9, 1), ("ab", -1, 5), ("abc", -2, 5), ("abcd", -3, 1)];
        string path = folder.Write("v.gguf", SmallTokenizers.SentencePiece(pieces).Set("tokenizer.ggml.add_space_prefix", false).Build());
        ITextTokenizer tokenizer = GoldenTokenTests.FromGguf(path);
        Assert.Equal([265], TestText.Ids(tokenizer.Encode("abcd", Plain)));
        Assert.Equal([259, 260, 261], TestText.Ids(tokenizer.Encode("abc", Plain)));
        Assert.Equal([0, 1, 2], TestText.Starts(tokenizer.Encode("abc", Plain)));
        Assert.Equal([265, 259, 260], TestText.Ids(tokenizer.Encode("abcdab", Plain)));
    }

    [Fact]
    public void Of_equal_scores_the_leftmost_pair_is_joined_and_unknown_characters_become_bytes()
    {
        using var folder = new TemporaryFolder();
        string path = folder.Write("v.gguf", SmallTokenizers.SentencePiece(("a", -9, 1), ("aa", -1, 1), ("\u2581", -9, 1)).Build());
        ITextTokenizer tokenizer = GoldenTokenTests.FromGguf(path);
        Assert.Equal([261, 260, 259], TestText.Ids(tokenizer.Encode("aaa", Plain)));
        Assert.Equal([261, 3 + 0xC3, 3 + 0xA9], TestText.Ids(tokenizer.Encode("é", Plain)));
        Assert.Equal([0, 0, 0], TestText.Starts(tokenizer.Encode("é", Plain)));
        Assert.Empty(tokenizer.Encode("", Plain));
        Assert.Equal([1], TestText.Ids(tokenizer.Encode("", new EncodeOptions(false, true))));
    }

    [Fact]
    public void A_whole_piece_is_its_token_where_merges_are_ignored()
    {
        var json = SmallTokenizers.Json();
        json["model"]!["merges"] = new System.Text.Json.Nodes.JsonArray();
        int hello = (int)json["model"]!["vocab"]!["hello"]!;
        Assert.Equal(5, TokenizerFactory.FromJson("small", SmallTokenizers.Utf8(json)).Encode("hello", Plain).Count);
        json["model"]!["ignore_merges"] = true;
        Assert.Equal([hello], TestText.Ids(TokenizerFactory.FromJson("small", SmallTokenizers.Utf8(json)).Encode("hello", Plain)));
    }

    private static List<int> Naive(string text, Dictionary<string, int> ids, float[] scores)
    {
        List<string> symbols = [.. ("\u2581" + text.Replace(' ', '\u2581')).EnumerateRunes().Select(rune => rune.ToString())];
        while (true)
        {
            int best = -1;
            for (int i = 0; i + 1 < symbols.Count; i++)
            {
                if (ids.TryGetValue(symbols[i] + symbols[i + 1], out int id)
                    && (best < 0 || scores[id] > scores[ids[symbols[best] + symbols[best + 1]]]))
                {
                    best = i;
                }
            }
            if (best < 0) break;
            symbols[best] += symbols[best + 1];
            symbols.RemoveAt(best + 1);
        }
        return [.. symbols.SelectMany(symbol => ids.TryGetValue(symbol, out int id) ? [id] : Encoding.UTF8.GetBytes(symbol).Select(b => 3 + b))];
    }
}
