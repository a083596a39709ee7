using KvPolicy.Inference.Models;
using KvPolicy.Inference.Tests.Loading.Building;
using KvPolicy.Inference.Tests.Support;
using KvPolicy.Inference.Tokenization;

namespace KvPolicy.Inference.Tests.Tokenization;

/// <summary>Damaged tokenizer files either load, and then encode and decode, or are refused with one line; memory stays in proportion to the
/// files.</summary>
public sealed class DamagedFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private int _loaded, _refused;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Tokenizer_json()
        => Damage("tokenizer.json", SmallTokenizers.Utf8(SmallTokenizers.Json()), int.MaxValue, _ => TokenizerFactory.FromFolder(_folder.Path));

    [Fact]
    public void Gguf_bpe() => Damage("v.gguf", SmallTokenizers.Gguf().Build(), int.MaxValue, GoldenTokenTests.FromGguf);

    [Fact]
    public void Gguf_SentencePiece()
        => Damage("v.gguf", SmallTokenizers.SentencePiece(("\u2581", -3, 1), ("a", -2, 1), ("aa", -1, 1), ("b", -4, 5)).Build(), int.MaxValue,
            GoldenTokenTests.FromGguf);

    [SkippableFact]
    public void Tokenizer_model()
        => Damage("tokenizer.model", File.ReadAllBytes(SharedData.Model("tokenizers", "llama2", "tokenizer.model")), 4000,
            _ => TokenizerFactory.FromFolder(_folder.Path), 50);

    [SkippableFact]
    public void Llama2c_tokenizer_bin()
        => Damage("tokenizer.bin", File.ReadAllBytes(SharedData.Model("stories260K", "tok512.bin")), int.MaxValue,
            path => TokenizerFactory.FromLlama2c(path, 512));

    private void Damage(string name, byte[] honest, int header, Func<string, ITextTokenizer> load, int count = 150)
    {
        var random = new Random(honest.Length);
        for (int i = 0; i < count; i++) TryLoad(_folder.Write(name, Mutation.Of(honest, header, random)), load, i);
        // Damage that never shows, or always, would prove nothing.
        Assert.InRange(_refused, count / 10, count - 1);
        Assert.Equal(count, _loaded + _refused);
    }

    private void TryLoad(string path, Func<string, ITextTokenizer> load, int i)
    {
        long size = new FileInfo(path).Length, before = GC.GetAllocatedBytesForCurrentThread();
        try
        {
            ITextTokenizer tokenizer = load(path);
            int[] ids = TestText.Ids(tokenizer.Encode("hello aaa 12 \u00e9\U0001F642 <s>", new EncodeOptions(ParseSpecial: true, AddSpecial: true)));
            Assert.All(ids, id => Assert.InRange(id, 0, tokenizer.VocabularySize - 1));
            Assert.All(tokenizer.EndIds, id => Assert.InRange(id, 0, tokenizer.VocabularySize - 1));
            tokenizer.Decode(ids, skipSpecial: false);
            _loaded++;
        }
        catch (ModelFormatException e)
        {
            _refused++;
            LoadAssert.OneLine(e, path);
        }
        catch (Exception e)
        {
            Assert.Fail($"{i}: {e}");
        }
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.True(allocated < (64 * size) + (16 << 20), $"{i}: {allocated} bytes allocated for a file of {size}");
    }
}
