using KvPolicy.Inference.Models;
using KvPolicy.Inference.Tokenization;

namespace KvPolicy.Inference.Loading.Llama2c;

/// <summary>A model from a llama2.c .bin: f32 weights, one kind after another, each for all layers.</summary>
internal static unsafe class Llama2cModelLoader
{
    internal static Model Load(string path, string? tokenizerPath)
    {
        MappedBytes bytes = MappedBytes.Open(path);
        try
        {
            Llama2cHeader header = Llama2cHeader.Read(bytes);
            ModelConfig config = header.ToConfig(path);
            ModelWeights weights = Bind(bytes, header, config);
            ITextTokenizer tokenizer = Llama2cTokenizerFile.Load(path, tokenizerPath, config.VocabularySize);
            return ModelAssembly.Finish(path, config, weights, tokenizer, bytes, bytes.Length);
        }
        catch
        {
            bytes.Dispose();
            throw;
        }
    }

    /// <summary>The tokenizer alone; the model's header, checked against the file's size, gives the size of its vocabulary.</summary>
    internal static ITextTokenizer LoadTokenizer(string path, string? tokenizerPath)
    {
        using MappedBytes bytes = MappedBytes.Open(path);
        Llama2cHeader header = Llama2cHeader.Read(bytes);
        ModelConfig config = header.ToConfig(path);
        _ = Bind(bytes, header, config);
        return Llama2cTokenizerFile.Load(path, tokenizerPath, config.VocabularySize);
    }

    private static ModelWeights Bind(MappedBytes bytes, Llama2cHeader header, ModelConfig c)
    {
        var layout = new Layout(bytes, c, header.SeparateClassifier);
        long kv = (long)c.KvHeads * c.HeadDim;
        ModelTensor embedding = layout.Next("token_embedding", c.VocabularySize, c.HiddenSize);
        ModelTensor[] attentionNorm = layout.NextStack("rms_att", 1, c.HiddenSize);
        ModelTensor[] query = layout.NextStack("wq", c.HiddenSize, c.HiddenSize);
        ModelTensor[] key = layout.NextStack("wk", kv, c.HiddenSize);
        ModelTensor[] value = layout.NextStack("wv", kv, c.HiddenSize);
        ModelTensor[] output = layout.NextStack("wo", c.HiddenSize, c.HiddenSize);
        ModelTensor[] feedForwardNorm = layout.NextStack("rms_ffn", 1, c.HiddenSize);
        ModelTensor[] gate = layout.NextStack("w1", c.FeedForwardSize, c.HiddenSize);
        ModelTensor[] down = layout.NextStack("w2", c.HiddenSize, c.FeedForwardSize);
        ModelTensor[] up = layout.NextStack("w3", c.FeedForwardSize, c.HiddenSize);
        ModelTensor outputNorm = layout.Next("rms_final", 1, c.HiddenSize);
        layout.SkipRopeTables();
        return new ModelWeights
        {
            Embedding = embedding,
            OutputNorm = outputNorm,
            Classifier = header.SeparateClassifier ? layout.Next("wcls", c.VocabularySize, c.HiddenSize) : embedding,
            Layers =
            [
                .. Enumerable.Range(0, c.Layers).Select(i => new LayerWeights
                {
                    AttentionNorm = attentionNorm[i],
                    Query = query[i],
                    Key = key[i],
                    Value = value[i],
                    AttentionOutput = output[i],
                    FeedForwardNorm = feedForwardNorm[i],
                    Gate = gate[i],
                    Up = up[i],
                    Down = down[i],
                }),
            ],
        };
    }

    /// <summary>Hands out the file from front to back; it must have exactly the bytes that the header asks for.</summary>
    private sealed class Layout
    {
        private readonly ModelConfig _config;
        private byte* _next;

        internal Layout(MappedBytes bytes, ModelConfig config, bool separateClassifier)
        {
            _config = config;
            _next = bytes.Data + Llama2cHeader.Bytes;
            UInt128 needed = Llama2cHeader.Bytes + 4 * Numbers(config, separateClassifier);
            if (needed != (UInt128)(ulong)bytes.Length)
            {
                throw LoadError.Of(bytes.Name, "size", $"the header asks for {needed} bytes, the file has {bytes.Length}",
                    "fetch the file again, or name a .gguf or a model folder");
            }
        }

        internal ModelTensor Next(string name, long rows, long columns)
        {
            long size = 4 * rows * columns;
            var tensor = new ModelTensor(name, TensorType.F32, (int)rows, (int)columns, _next, size);
            _next += size;
            return tensor;
        }

        internal ModelTensor[] NextStack(string name, long rows, long columns)
        {
            var layers = new ModelTensor[_config.Layers];
            for (int i = 0; i < layers.Length; i++) layers[i] = Next($"{name}.{i}", rows, columns);
            return layers;
        }

        // Two tables of the legacy export, cosines and sines; they follow from the base.
        internal void SkipRopeTables() => _next += 4L * _config.ContextLength * _config.HeadDim;

        private static UInt128 Numbers(ModelConfig c, bool separateClassifier)
        {
            UInt128 hidden = (UInt128)(uint)c.HiddenSize, feedForward = (UInt128)(uint)c.FeedForwardSize;
            UInt128 kv = (UInt128)((ulong)c.KvHeads * (ulong)c.HeadDim);
            UInt128 layer = 2 * hidden + 2 * hidden * hidden + 2 * kv * hidden + 3 * feedForward * hidden;
            UInt128 embedding = (UInt128)(uint)c.VocabularySize * hidden;
            UInt128 tables = (UInt128)((ulong)c.ContextLength * (ulong)c.HeadDim);
            return embedding * (separateClassifier ? 2u : 1u) + (UInt128)(uint)c.Layers * layer + hidden + tables;
        }
    }
}
