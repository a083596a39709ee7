using System.Runtime.InteropServices;
using KvPolicy.Inference.Models;

namespace KvPolicy.Inference.Tests.Ops;

/// <summary>Tensors of random stored bytes, at whatever alignment, with nothing readable promised after them.</summary>
internal sealed unsafe class RandomTensors : IDisposable
{
    private readonly List<nint> _memory = [];
    private readonly Random _random;

    internal RandomTensors(int seed) => _random = new Random(seed);

    /// <summary>Every storage type and the length of its block (1: any length of row).</summary>
    internal static (TensorType Type, int Block, int Bytes)[] Formats { get; } =
    [
        (TensorType.F32, 1, 4), (TensorType.F16, 1, 2), (TensorType.BF16, 1, 2), (TensorType.Q8_0, 32, 34), (TensorType.Q4_0, 32, 18),
        (TensorType.Q4_1, 32, 20), (TensorType.Q5_0, 32, 22), (TensorType.Q5_1, 32, 24), (TensorType.Q4_K, 256, 144), (TensorType.Q6_K, 256, 210),
    ];

    internal static (TensorType Type, int Block, int Bytes) Format(TensorType type) => Formats.Single(f => f.Type == type);

    /// <summary>A tensor whose scales are finite and of both signs.</summary>
    internal ModelTensor Create(TensorType type, int rows, int columns, int misalignment = 0)
    {
        (_, int block, int bytes) = Format(type);
        long size = (long)rows * columns / block * bytes;
        var memory = (byte*)NativeMemory.Alloc((nuint)(size + misalignment));
        _memory.Add((nint)memory);
        byte* data = memory + misalignment;
        _random.NextBytes(new Span<byte>(data, (int)size));
        for (long b = 0; b < (long)rows * columns / block; b++) Sanitise(type, data + b * bytes);
        return new ModelTensor($"random {type}", type, rows, columns, data, size);
    }

    /// <summary>Random numbers of about unit size.</summary>
    internal float[] Floats(int count) => [.. Enumerable.Range(0, count).Select(_ => (float)(_random.NextDouble() * 4 - 2))];

    public void Dispose()
    {
        foreach (nint memory in _memory) NativeMemory.Free((void*)memory);
    }

    private void Sanitise(TensorType type, byte* block)
    {
        switch (type)
        {
            case TensorType.F32: *(float*)block = (float)(_random.NextDouble() - 0.5); break;
            case TensorType.F16: PutHalf(block); break;
            case TensorType.BF16: *(ushort*)block = (ushort)(BitConverter.SingleToUInt32Bits((float)(_random.NextDouble() - 0.5)) >> 16); break;
            case TensorType.Q6_K: PutHalf(block + 208); break;
            case TensorType.Q4_1 or TensorType.Q5_1 or TensorType.Q4_K:
                PutHalf(block);
                PutHalf(block + 2);
                break;
            default: PutHalf(block); break;
        }
    }

    // Now and then a subnormal or a zero.
    private void PutHalf(byte* at) => *(ushort*)at = BitConverter.HalfToUInt16Bits((Half)((_random.NextDouble() - 0.5) * (_random.Next(8) == 0 ? 1e-5 : 0.2)));
}
