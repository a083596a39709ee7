using System.Buffers.Binary;
using KvPolicy.Inference.Models;

namespace KvPolicy.Inference.Loading.Llama2c;

/// <summary>The seven numbers at the start of a llama2.c file (the legacy export, which has no magic number).</summary>
internal sealed record Llama2cHeader(int Hidden, int FeedForward, int Layers, int Heads, int KvHeads, int Vocabulary, int Context,
    bool SeparateClassifier)
{
    internal const int Bytes = 7 * 4;

    private const uint NewerMagic = 0x616B3432;
    private const float Epsilon = 1e-5f;
    private const float Theta = 10000f;

    internal static Llama2cHeader Read(MappedBytes file)
    {
        if (file.Length < Bytes) throw LoadError.Damaged(file.Name, "header", $"the file has only {file.Length} bytes");
        ReadOnlySpan<byte> header = file.Span(0, Bytes);
        if (BinaryPrimitives.ReadUInt32LittleEndian(header) == NewerMagic)
        {
            throw LoadError.Of(file.Name, "magic", "a llama2.c file of version 1 or 2 is not supported", "export it with version 0");
        }
        var n = new int[7];
        for (int i = 0; i < n.Length; i++) n[i] = BinaryPrimitives.ReadInt32LittleEndian(header[(4 * i)..]);
        if (n[5] == int.MinValue) throw LoadError.Damaged(file.Name, "vocabulary size", $"is {n[5]}");
        return new Llama2cHeader(n[0], n[1], n[2], n[3], n[4], Math.Abs(n[5]), n[6], n[5] < 0);
    }

    /// <summary>The numbers, checked against each other.</summary>
    internal ModelConfig ToConfig(string file)
    {
        if (Heads <= 0 || Hidden <= 0 || Hidden % Heads != 0)
        {
            throw LoadError.Of(file, "header", $"{Heads} heads and a width of {Hidden} do not fit",
                "name a llama2.c .bin, a .gguf or a model folder, or fetch the file again");
        }
        ModelConfig config = new()
        {
            Architecture = Architecture.Llama,
            VocabularySize = Vocabulary,
            HiddenSize = Hidden,
            FeedForwardSize = FeedForward,
            Layers = Layers,
            QueryHeads = Heads,
            KvHeads = KvHeads,
            HeadDim = Hidden / Heads,
            ContextLength = Context,
            RmsEpsilon = Epsilon,
            RopeTheta = Theta,
            RopePairing = RopePairing.Neighbours,
        };
        ConfigCheck.Validate(file, config);
        return config;
    }
}
