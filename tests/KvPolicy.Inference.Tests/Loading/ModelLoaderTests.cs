using KvPolicy.Inference.Loading;
using KvPolicy.Inference.Models;
using KvPolicy.Inference.Tests.Support;

namespace KvPolicy.Inference.Tests.Loading;

public class ModelLoaderTests
{
    [Fact]
    public void The_embedded_model_loads_without_any_file()
    {
        using Model model = ModelLoader.Load(ModelLoader.Embedded);
        Assert.Equal("embedded", model.Name);
        Assert.Equal(Architecture.Llama, model.Config.Architecture);
        Assert.Equal((1126, 128, 384, 4, 4, 2, 32, 1536), (model.Config.VocabularySize, model.Config.HiddenSize, model.Config.FeedForwardSize,
            model.Config.Layers, model.Config.QueryHeads, model.Config.KvHeads, model.Config.HeadDim, model.Config.ContextLength));
        Assert.NotSame(model.Weights.Embedding, model.Weights.Classifier);
        Assert.Equal(TensorType.F16, model.Weights.Layers[3].Down.Type);
        Assert.Equal(1_075_840, Parameters(model.Weights));
        // f16 weights and a header of a few kilobytes; the weights themselves change with each training.
        Assert.InRange(model.FileBytes, 2 * 1_075_840, 2 * 1_075_840 + 8192);
    }

    [SkippableFact]
    public void SmolLM2_has_the_numbers_of_its_readme()
    {
        using Model model = ModelLoader.Load(SharedData.Model("SmolLM2-135M-Instruct", "SmolLM2-135M-Instruct.Q4_1.gguf"));
        ModelConfig c = model.Config;
        Assert.Equal((49152, 576, 1536, 30, 9, 3, 64, 8192), (c.VocabularySize, c.HiddenSize, c.FeedForwardSize, c.Layers, c.QueryHeads, c.KvHeads, c.HeadDim, c.ContextLength));
        Assert.Equal((1e-5f, 100000f, RopePairing.Neighbours, 0), (c.RmsEpsilon, c.RopeTheta, c.RopePairing, c.SlidingWindow));
        Assert.Null(c.RopeDivisors);
        Assert.Same(model.Weights.Embedding, model.Weights.Classifier);
        Assert.Equal(TensorType.Q8_0, model.Weights.Embedding.Type);
        Assert.Equal(TensorType.Q4_1, model.Weights.Layers[29].Gate.Type);
        Assert.Equal(98362432, model.FileBytes);
    }

    [SkippableFact]
    public void Stories260K_has_the_numbers_of_its_header()
    {
        using Model model = ModelLoader.Load(SharedData.Model("stories260K", "stories260K.bin"));
        ModelConfig c = model.Config;
        Assert.Equal((512, 64, 172, 5, 8, 4, 8, 512), (c.VocabularySize, c.HiddenSize, c.FeedForwardSize, c.Layers, c.QueryHeads, c.KvHeads, c.HeadDim, c.ContextLength));
        Assert.Equal(RopePairing.Neighbours, c.RopePairing);
        Assert.Same(model.Weights.Embedding, model.Weights.Classifier);
    }

    [SkippableTheory]
    [InlineData("llama", nameof(TensorType.F32), true)]
    [InlineData("llama3-rope", nameof(TensorType.BF16), false)]
    [InlineData("qwen2", nameof(TensorType.F16), true)]
    [InlineData("qwen3", nameof(TensorType.BF16), true)]
    public void Folders_load_with_what_their_family_has(string name, string type, bool tied)
    {
        using Model model = ModelLoader.Load(SharedData.Model("tiny", name));
        Assert.Equal(type, model.Weights.Layers[2].Query.Type.ToString());
        Assert.Equal(tied, ReferenceEquals(model.Weights.Embedding, model.Weights.Classifier));
        Assert.Equal(name == "qwen2", model.Weights.Layers[0].KeyBias is not null);
        Assert.Equal(name == "qwen3", model.Weights.Layers[0].QueryNorm is not null);
        Assert.Equal(name == "llama3-rope", model.Config.RopeDivisors is not null);
        Assert.Equal(name == "qwen3" ? 32 : 16, model.Config.HeadDim);
        Assert.Equal(RopePairing.Halves, model.Config.RopePairing);
    }

    [SkippableTheory]
    [MemberData(nameof(DequantizerTests.Quants), MemberType = typeof(DequantizerTests))]
    public void Every_quantised_file_loads(string name)
    {
        using Model model = ModelLoader.Load(SharedData.Model("quants", name + ".gguf"));
        bool qwen = name.StartsWith("qwen", StringComparison.Ordinal);
        Assert.Equal(qwen ? RopePairing.Halves : RopePairing.Neighbours, model.Config.RopePairing);
        if (!qwen) Assert.Equal(name, model.Weights.Layers[0].Query.Type.ToString());
    }

    private static long Parameters(ModelWeights weights)
    {
        static long Of(ModelTensor? t) => t is null ? 0 : (long)t.Rows * t.Columns;
        return Of(weights.Embedding) + Of(weights.OutputNorm) + Of(weights.Classifier) + weights.Layers.Sum(l =>
            Of(l.AttentionNorm) + Of(l.Query) + Of(l.Key) + Of(l.Value) + Of(l.AttentionOutput) + Of(l.FeedForwardNorm) + Of(l.Gate) + Of(l.Up) + Of(l.Down));
    }
}
