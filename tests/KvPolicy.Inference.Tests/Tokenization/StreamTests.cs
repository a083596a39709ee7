using System.Text;
using CsCheck;
using KvPolicy.Inference.Tests.Support;
using KvPolicy.Inference.Tokenization;
using KvPolicy.Inference.Tokenization.Decoding;

namespace KvPolicy.Inference.Tests.Tokenization;

public class StreamTests
{
    private static readonly Gen<byte[]> Bytes = Gen.OneOf(
        Gen.Byte.Array[1, 4],
        Gen.OneOf("a", "é", "你", "🙂", "e\u0301").Select(Encoding.UTF8.GetBytes),
        Gen.OneOf("é", "你", "🙂").Select(text => Encoding.UTF8.GetBytes(text)[..^1]))
        .Array[0, 8].Select(parts => parts.SelectMany(part => part).ToArray());

    [Fact]
    public void Portions_do_not_matter_and_only_whole_characters_come_out()
        => Gen.Select(Bytes, Gen.Int[1, 5].Array[1, 40]).Sample((bytes, portions) =>
        {
            var stream = new Utf8Stream();
            var text = new StringBuilder();
            for (int at = 0, i = 0; at < bytes.Length; i++)
            {
                int count = Math.Min(portions[i % portions.Length], bytes.Length - at);
                string part = stream.Feed(bytes.AsSpan(at, count));
                // Never half a surrogate pair: each portion is text by itself.
                Assert.Equal(part, Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(part)));
                text.Append(part);
                at += count;
            }
            Assert.Equal(Encoding.UTF8.GetString(bytes), text.Append(stream.Finish()).ToString());
        }, iter: 5000);

    [Fact]
    public void A_character_comes_when_it_is_complete_and_a_broken_one_at_once()
    {
        var stream = new Utf8Stream();
        Assert.Equal("", stream.Feed([0xF0, 0x9F]));
        Assert.Equal("", stream.Feed([0x99]));
        Assert.Equal("🙂", stream.Feed([0x82]));
        Assert.Equal("", stream.Feed([0xC3]));
        Assert.Equal("\uFFFDa", stream.Feed("a"u8));
        Assert.Equal("\uFFFD", stream.Feed([0xFF]));
        Assert.Equal("", stream.Feed([0xE4, 0xBD]));
        Assert.Equal("\uFFFD", stream.Finish());
        Assert.Equal("", stream.Finish());
        Assert.Equal("b", stream.Feed("b"u8));
    }

    [SkippableFact]
    public void The_space_that_SentencePiece_puts_first_is_dropped_at_the_start_of_a_text_and_kept_in_a_continuation()
    {
        ITextTokenizer tokenizer = TokenizerFactory.FromLlama2c(SharedData.Model("stories260K", "tok512.bin"), 512);
        int[] ids = TestText.Ids(tokenizer.Encode("a girl", new EncodeOptions(false, true)));
        Assert.Equal("a girl", Text(new TokenStream(tokenizer, skipSpecial: true, atTextStart: true)));
        Assert.Equal(" a girl", Text(new TokenStream(tokenizer, skipSpecial: true, atTextStart: false)));
        Assert.Equal("\n<s>\na girl", Text(new TokenStream(tokenizer, skipSpecial: false, atTextStart: true)));
        Assert.Equal("  two", tokenizer.Decode(TestText.Ids(tokenizer.Encode("  two", new EncodeOptions(false, true))), skipSpecial: true));

        string Text(TokenStream stream) => string.Concat(ids.Select(stream.Feed)) + stream.Finish();
    }

    [Fact]
    public void Ids_outside_the_vocabulary_print_nothing()
    {
        ITextTokenizer tokenizer = TokenizerFactory.FromJson("small", SmallTokenizers.Utf8(SmallTokenizers.Json()));
        Assert.Equal(269, tokenizer.VocabularySize);
        foreach (int id in new[] { -1, 269, int.MaxValue, int.MinValue })
        {
            Assert.True(tokenizer.Bytes(id).IsEmpty);
            Assert.True(tokenizer.IsSpecial(id));
        }
        Assert.Equal("[tool]", tokenizer.Decode([266, 268, 267, 9999], skipSpecial: true));
        Assert.Equal("<s>[tool]</s>", tokenizer.Decode([266, 268, 267, 9999], skipSpecial: false));
        var bytes = new List<byte>();
        tokenizer.AppendBytes(268, bytes);
        Assert.Equal("[tool]"u8.ToArray(), bytes);
    }

    [Fact]
    public void Many_threads_at_once_get_the_same_ids()
    {
        ITextTokenizer tokenizer = TokenizerFactory.FromJson("small", SmallTokenizers.Utf8(SmallTokenizers.Json()));
        string[] texts = [.. Enumerable.Range(0, 200).Select(i => $"hello{i % 7} world {i} aaaa" + new string('a', i))];
        int[][] alone = [.. texts.Select(text => TestText.Ids(tokenizer.Encode(text, default)))];
        Parallel.For(0, 1000, i => Assert.Equal(alone[i % 200], TestText.Ids(tokenizer.Encode(texts[i % 200], default))));
    }
}
