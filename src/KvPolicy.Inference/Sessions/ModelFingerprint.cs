using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using KvPolicy.Inference.Models;

namespace KvPolicy.Inference.Sessions;

/// <summary>
/// Tells models apart: SHA-256 over the numbers of the configuration and, of every weight, name, storage, shape and bytes: all bytes of a
/// small tensor, <see cref="Samples"/> evenly spread stretches of a large one. A cache of other weights never passes for one of these by accident;
/// reading every byte would cost a large model more than the session saves.
/// </summary>
internal static unsafe class ModelFingerprint
{
    private const int Samples = 16, SampleBytes = 256;

    /// <summary>64 hexadecimal digits.</summary>
    internal static string Of(Model model)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Add(hash, Numbers(model.Config));
        foreach (ModelTensor tensor in Tensors(model.Weights)) Add(hash, tensor);
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private static string Numbers(ModelConfig c)
    {
        string rope = string.Join(',', (c.RopeDivisors ?? []).Select(divisor => divisor.ToString("R", CultureInfo.InvariantCulture)));
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{c.Architecture};{c.VocabularySize};{c.HiddenSize};{c.FeedForwardSize};{c.Layers};{c.QueryHeads};{c.KvHeads};{c.HeadDim};{c.ContextLength};{c.RmsEpsilon:R};{c.RopeTheta:R};{c.RopePairing};{rope};{c.SlidingWindow}");
    }

    private static IEnumerable<ModelTensor> Tensors(ModelWeights weights)
    {
        IEnumerable<ModelTensor?> ofLayers = weights.Layers.SelectMany(l => new[]
        {
            l.AttentionNorm, l.Query, l.Key, l.Value, l.QueryBias, l.KeyBias, l.ValueBias, l.AttentionOutput, l.QueryNorm, l.KeyNorm, l.FeedForwardNorm, l.Gate, l.Up, l.Down,
        });
        return [weights.Embedding, weights.OutputNorm, weights.Classifier, .. ofLayers.OfType<ModelTensor>()];
    }

    private static void Add(IncrementalHash hash, ModelTensor tensor)
    {
        Add(hash, string.Create(CultureInfo.InvariantCulture, $"{tensor.Name};{tensor.Type};{tensor.Rows};{tensor.Columns};{tensor.Bytes}"));
        if (tensor.Bytes <= Samples * SampleBytes)
        {
            hash.AppendData(new ReadOnlySpan<byte>(tensor.Data, (int)tensor.Bytes));
            return;
        }

        for (int i = 0; i < Samples; i++) hash.AppendData(new ReadOnlySpan<byte>(tensor.Data + (tensor.Bytes - SampleBytes) * i / (Samples - 1), SampleBytes));
    }

    // With its length, so that no two lists of texts are one.
    private static void Add(IncrementalHash hash, string text)
    {
        byte[] utf8 = Encoding.UTF8.GetBytes(text);
        Span<byte> length = stackalloc byte[sizeof(int)];
        BinaryPrimitives.WriteInt32LittleEndian(length, utf8.Length);
        hash.AppendData(length);
        hash.AppendData(utf8);
    }
}
