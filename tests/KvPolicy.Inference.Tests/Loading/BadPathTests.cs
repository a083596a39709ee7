using System.Diagnostics;
using KvPolicy.Inference.Loading;
using KvPolicy.Inference.Models;
using KvPolicy.Inference.Tests.Loading.Building;
using KvPolicy.Inference.Tests.Support;

namespace KvPolicy.Inference.Tests.Loading;

public sealed class BadPathTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("absent.gguf")]
    [InlineData("absent/deeper")]
    [InlineData("line\nbreak.gguf")]
    public void What_is_not_there_is_named(string name)
    {
        var e = Assert.Throws<ModelFormatException>(() => ModelLoader.Load(_folder.At(name)));
        Assert.Contains("no such file or folder", e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', e.Message);
        Assert.Throws<ModelFormatException>(() => ModelLoader.LoadTokenizer(_folder.At(name)));
    }

    [Fact]
    public void Folders_files_of_folders_and_other_files_are_told_apart()
    {
        Directory.CreateDirectory(_folder.At("x.gguf"));
        LoadAssert.Refused(_folder.At("x.gguf"), "config.json", "no such file");
        LoadAssert.Refused(_folder.Write("model.safetensors", "x"), "name the folder");
        LoadAssert.Refused(_folder.Write("notes.txt", "hello there"), "neither a .gguf nor a llama2.c .bin");
        LoadAssert.Refused(_folder.Write("y.gguf", "hello there"), "magic");
        LoadAssert.Refused(_folder.Write("z.gguf", "GG"), "magic");
        LoadAssert.Refused(_folder.Write("e.gguf", ""), "empty");
        LoadAssert.Refused(_folder.Write("e.bin", ""), "empty");
        Assert.Throws<ArgumentException>(() => ModelLoader.Load(""));
    }

    [Fact]
    public void The_name_of_a_gguf_does_not_matter()
        => ModelLoader.Load(_folder.Write("model-without-extension", TinyModel.Gguf().Build())).Dispose();

    [SkippableFact]
    public void Pipes_and_devices_are_refused_and_never_waited_for()
    {
        Skip.IfNot(OperatingSystem.IsLinux(), "named pipes are made with mkfifo");
        using (Process mkfifo = Process.Start("mkfifo", _folder.At("pipe.gguf"))) mkfifo.WaitForExit();
        File.CreateSymbolicLink(_folder.At("link.gguf"), _folder.At("pipe.gguf"));
        File.CreateSymbolicLink(_folder.At("zero.bin"), "/dev/zero");
        foreach (string name in new[] { "pipe.gguf", "link.gguf", "zero.bin" })
        {
            Task load = Task.Run(() => LoadAssert.Refused(_folder.At(name), "regular"));
            Assert.True(load.Wait(TimeSpan.FromSeconds(60)), $"{name} was waited for");
        }
    }

    [SkippableFact]
    public void A_vocabulary_without_weights_has_a_tokenizer_and_no_model()
    {
        string path = SharedData.Model("tokenizers", "ggml-vocab", "ggml-vocab-llama-spm.gguf");
        LoadAssert.Refused(path, "vocabulary without weights");
        Assert.Equal(32000, ModelLoader.LoadTokenizer(path).VocabularySize);
    }

    [Fact]
    public void A_tokenizer_can_be_named_apart_from_its_model()
    {
        string model = _folder.Write("m.gguf", TinyModel.Gguf().Remove("tokenizer.ggml.model").Remove("tokenizer.ggml.tokens").Build());
        string other = _folder.Write("other.gguf", TinyModel.Gguf().Build());
        using (Model loaded = ModelLoader.Load(model, other)) Assert.Equal(TinyModel.GgufVocabulary, loaded.Tokenizer.VocabularySize);
        Assert.Equal(TinyModel.GgufVocabulary, ModelLoader.LoadTokenizer(model, other).VocabularySize);
        Assert.Contains("no such file", Assert.Throws<ModelFormatException>(() => ModelLoader.Load(model, _folder.At("absent"))).Message, StringComparison.Ordinal);
        string text = _folder.Write("notes.txt", "hello there");
        Assert.Contains("no tokenizer for this model", Assert.Throws<ModelFormatException>(() => ModelLoader.Load(model, text)).Message, StringComparison.Ordinal);
    }
}
