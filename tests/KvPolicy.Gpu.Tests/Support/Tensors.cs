using System.Runtime.InteropServices;
using KvPolicy.Inference.Models;

namespace KvPolicy.Gpu.Tests;

/// <summary>Random numbers and the tensors that hold them.</summary>
internal static unsafe class Tensors
{
    // Tensors point into these.
    private static readonly List<float[]> Pinned = [];

    public static float[] Random(int count, int seed)
    {
        var random = new Random(seed);
        float[] values = GC.AllocateUninitializedArray<float>(count, pinned: true);
        for (int i = 0; i < count; i++) values[i] = random.NextSingle() * 2 - 1;
        return values;
    }

    /// <summary>A tensor over numbers of <see cref="Random"/>.</summary>
    public static ModelTensor Of(float[] pinned, int rows, int columns)
    {
        Pinned.Add(pinned);
        return new ModelTensor("test", TensorType.F32, rows, columns, (byte*)Marshal.UnsafeAddrOfPinnedArrayElement(pinned, 0), 4L * pinned.Length);
    }
}
