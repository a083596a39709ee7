using KvPolicy.Inference.Loading;
using KvPolicy.Inference.Models;
using KvPolicy.Inference.Tests.Loading.Building;
using KvPolicy.Inference.Tests.Support;

namespace KvPolicy.Inference.Tests.Loading;

public sealed class Llama2cModelTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private string WriteBoth(byte[] model)
    {
        _folder.Write("tokenizer.bin", TinyModel.Llama2cTokenizer());
        return _folder.Write("m.bin", model);
    }

    [Fact]
    public void A_negative_vocabulary_means_a_classifier_of_its_own_at_the_end()
    {
        byte[] bytes = TinyModel.Llama2c(separateClassifier: true);
        using Model model = ModelLoader.Load(WriteBoth(bytes));
        Assert.Equal((TinyModel.Llama2cVocabulary, RopePairing.Neighbours), (model.Config.VocabularySize, model.Config.RopePairing));
        float last = BitConverter.ToSingle(bytes, bytes.Length - 4), first = BitConverter.ToSingle(bytes, 28);
        Assert.Equal(last, Dequantizer.All(model.Weights.Classifier)[^1]);
        Assert.Equal(first, Dequantizer.All(model.Weights.Embedding)[0]);
        using Model tied = ModelLoader.Load(WriteBoth(TinyModel.Llama2c()));
        Assert.Same(tied.Weights.Embedding, tied.Weights.Classifier);
    }

    [Fact]
    public void Weights_stand_by_kind_and_then_by_layer()
    {
        byte[] bytes = TinyModel.Llama2c();
        using Model model = ModelLoader.Load(WriteBoth(bytes));
        // Embedding, two attention norms; then wq of both layers, wk of both, ...
        int wq = 28 + 4 * (TinyModel.Llama2cVocabulary * 8 + 2 * 8), wk = wq + 4 * 2 * 64;
        Assert.Equal(BitConverter.ToSingle(bytes, wq + 4 * 64), Dequantizer.All(model.Weights.Layers[1].Query)[0]);
        Assert.Equal(BitConverter.ToSingle(bytes, wk + 4 * 32), Dequantizer.All(model.Weights.Layers[1].Key)[0]);
        // w1, w2, w3 are gate, down, up: w3 of the last layer ends where rms_final (8), then the RoPE tables (32 x 4) begin.
        Assert.Equal(BitConverter.ToSingle(bytes, bytes.Length - 4 * (8 + 32 * 4 + 1)), Dequantizer.All(model.Weights.Layers[1].Up)[^1]);
        Assert.Equal(BitConverter.ToSingle(bytes, bytes.Length - 4 * (32 * 4 + 1)), Dequantizer.All(model.Weights.OutputNorm)[^1]);
    }

    [Fact]
    public void The_tokenizer_is_the_given_one_or_beside_the_model()
    {
        string model = _folder.Write("m.bin", TinyModel.Llama2c());
        LoadAssert.Refused(model, "tokenizer", "--tokenizer");
        _folder.Write("other.bin", "not a tokenizer, and longer than its head");
        LoadAssert.Refused(model, "tokenizer", "--tokenizer");
        string tok = _folder.Write("tok285.bin", TinyModel.Llama2cTokenizer());
        ModelLoader.Load(model).Dispose();
        _folder.Write("copy.bin", TinyModel.Llama2cTokenizer());
        LoadAssert.Refused(model, "copy.bin", "tok285.bin");
        ModelLoader.Load(model, tok).Dispose();
        Assert.Equal(TinyModel.Llama2cVocabulary, ModelLoader.LoadTokenizer(model, tok).VocabularySize);
        _folder.Write("tokenizer.bin", TinyModel.Llama2cTokenizer());
        ModelLoader.Load(model).Dispose();
        var e = Assert.Throws<ModelFormatException>(() => ModelLoader.Load(model, _folder.At("absent.bin")));
        Assert.Contains("absent.bin", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(0, -8)]
    [InlineData(0, int.MaxValue)]
    [InlineData(1, 13)]
    [InlineData(1, int.MinValue)]
    [InlineData(2, 1 << 30)]
    [InlineData(2, 0)]
    [InlineData(3, 3)]
    [InlineData(3, 0)]
    [InlineData(4, 2)]
    [InlineData(4, 0)]
    [InlineData(5, int.MinValue)]
    [InlineData(5, int.MaxValue)]
    [InlineData(5, 0)]
    [InlineData(6, 33)]
    [InlineData(6, -1)]
    public void A_header_that_does_not_fit_the_file_is_refused(int field, int value)
    {
        byte[] bytes = TinyModel.Llama2c();
        BitConverter.TryWriteBytes(bytes.AsSpan(4 * field), value);
        LoadAssert.Refused(WriteBoth(bytes));
    }

    [Fact]
    public void Cut_extended_and_newer_files_are_refused()
    {
        byte[] bytes = TinyModel.Llama2c();
        LoadAssert.Refused(WriteBoth(bytes[..^1]), "size");
        LoadAssert.Refused(WriteBoth([.. bytes, 0]), "size");
        LoadAssert.Refused(WriteBoth(bytes[..27]), "header");
        LoadAssert.Refused(WriteBoth([.. "24ka"u8, .. bytes[4..]]), "version 1 or 2");
    }
}
