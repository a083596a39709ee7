using KvPolicy.Inference.Loading;
using KvPolicy.Inference.Models;
using KvPolicy.Inference.Tests.Loading.Building;
using KvPolicy.Inference.Tests.Support;

namespace KvPolicy.Inference.Tests.Loading;

/// <summary>Damaged files either load, and then every weight can be read, or are refused with one line; memory stays in proportion to the files.</summary>
public sealed class MutationTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private int _loaded;
    private int _refused;

    public void Dispose() => _folder.Dispose();

    // Damage that never shows, or always, would prove nothing.
    private void BothKindsWereSeen(int count)
    {
        Assert.Equal(count, _loaded + _refused);
        Assert.InRange(_refused, count / 4, count - 1);
    }

    [Theory]
    [InlineData(1u, 150)]
    [InlineData(32u, 200)]
    public void Damaged_gguf(uint alignment, int count)
    {
        GgufBuilder gguf = TinyModel.Gguf();
        gguf.Alignment = alignment;
        byte[] honest = gguf.Build();
        int header = honest.Length - 4 * 8 * (2 * TinyModel.GgufVocabulary + 60);
        var random = new Random(count);
        for (int i = 0; i < count; i++) TryLoad(_folder.Write("m.gguf", Mutation.Of(honest, header, random)), $"alignment {alignment}, {i}");
        BothKindsWereSeen(count);
    }

    [Fact]
    public void Gguf_cut_at_every_length_of_its_header()
    {
        byte[] honest = TinyModel.Gguf().Set("tokenizer.ggml.tokens", (string[])["a", "b"]).Build();
        for (int length = 1; length < 3000; length += 7)
        {
            string path = _folder.Write("m.gguf", honest[..length]);
            LoadAssert.OneLine(Assert.Throws<ModelFormatException>(() => ModelLoader.Load(path)), path);
        }
    }

    [Theory]
    [InlineData("config.json", 150)]
    [InlineData("model.safetensors", 250)]
    public void Damaged_folder(string damaged, int count)
    {
        Dictionary<string, byte[]> honest = TinyModel.Folder();
        foreach ((string name, byte[] bytes) in honest) _folder.Write(name, bytes);
        int header = damaged == "config.json" ? honest[damaged].Length : 8 + (int)BitConverter.ToInt64(honest[damaged]);
        var random = new Random(count);
        for (int i = 0; i < count; i++)
        {
            _folder.Write(damaged, Mutation.Of(honest[damaged], header, random));
            TryLoad(_folder.Path, $"{damaged} {i}");
        }
        BothKindsWereSeen(count);
    }

    [Fact]
    public void Damaged_index()
    {
        Dictionary<string, byte[]> honest = TinyModel.Folder();
        foreach ((string name, byte[] bytes) in honest) _folder.Write(name, bytes);
        File.Move(_folder.At("model.safetensors"), _folder.At("a.safetensors"));
        byte[] index = System.Text.Encoding.UTF8.GetBytes("{\"weight_map\":{" + string.Join(",", TinyModel.FolderTensors().Select(t => $"\"{t.Name}\":\"a.safetensors\"")) + "}}");
        var random = new Random(3);
        for (int i = 0; i < 60; i++)
        {
            _folder.Write("model.safetensors.index.json", Mutation.Of(index, index.Length, random));
            TryLoad(_folder.Path, $"index {i}");
        }
        // Hardly a byte of an index can change without a name going wrong.
        Assert.InRange(_refused, 30, 60);
    }

    [Fact]
    public void Damaged_llama2c()
    {
        _folder.Write("tokenizer.bin", TinyModel.Llama2cTokenizer());
        byte[] honest = TinyModel.Llama2c();
        var random = new Random(4);
        for (int i = 0; i < 200; i++) TryLoad(_folder.Write("m.bin", Mutation.Of(honest, 28, random)), $"llama2c {i}");
        BothKindsWereSeen(200);
    }

    [SkippableTheory]
    [InlineData("Q4_K.gguf", 30)]
    [InlineData("qwen3-Q8_0.gguf", 30)]
    public void Damaged_quantised_files(string name, int count)
    {
        byte[] honest = File.ReadAllBytes(SharedData.Model("quants", name));
        var random = new Random(name.Length);
        for (int i = 0; i < count; i++) TryLoad(_folder.Write("m.gguf", Mutation.Of(honest, 16000, random)), $"{name} {i}");
        BothKindsWereSeen(count);
    }

    private void TryLoad(string path, string what)
    {
        long size = Directory.Exists(path) ? Directory.EnumerateFiles(path).Sum(f => new FileInfo(f).Length) : new FileInfo(path).Length;
        long before = GC.GetAllocatedBytesForCurrentThread();
        try
        {
            using Model model = ModelLoader.Load(path);
            LoadAssert.Touch(model);
            _loaded++;
        }
        catch (ModelFormatException e)
        {
            _refused++;
            LoadAssert.OneLine(e, path);
        }
        catch (Exception e)
        {
            Assert.Fail($"{what}: {e}");
        }
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.True(allocated < 32 * size + (8 << 20), $"{what}: {allocated} bytes allocated for {size} bytes of files");
    }
}
