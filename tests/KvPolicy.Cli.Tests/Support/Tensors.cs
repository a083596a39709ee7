using KvPolicy.Inference.Loading.Safetensors;

namespace KvPolicy.Cli.Tests.Support;

/// <summary>Small inputs of <c>score</c>.</summary>
internal static class Tensors
{
    /// <summary>Tensors of one layer with numbers from a fixed seed.</summary>
    internal static (SafetensorsSpec Spec, Array Data)[] Layer(int queryHeads = 4, int kvHeads = 2, int length = 40, int headDim = 8)
        => [Random("queries", queryHeads, length, headDim), Random("keys", kvHeads, length, headDim), Random("values", kvHeads, length, headDim)];

    /// <summary>A tensor of numbers from a fixed seed.</summary>
    internal static (SafetensorsSpec Spec, Array Data) Random(string name, params long[] shape)
    {
        var random = new Random(name.Length);
        var data = new float[shape.Aggregate(1L, (a, b) => a * b)];
        for (int i = 0; i < data.Length; i++) data[i] = (float)(random.NextDouble() * 2 - 1);
        return (new SafetensorsSpec(name, SafetensorsType.F32, shape), data);
    }

    /// <summary>A tensor of whole numbers.</summary>
    internal static (SafetensorsSpec Spec, Array Data) Whole(string name, params int[] numbers) => (new SafetensorsSpec(name, SafetensorsType.I32, numbers.Length), numbers);

    /// <summary>Writes a file and gives its path.</summary>
    internal static string Write(TemporaryFolder folder, string name, params (SafetensorsSpec Spec, Array Data)[] tensors)
    {
        SafetensorsWriter.Write(folder[name], tensors);
        return folder[name];
    }
}
