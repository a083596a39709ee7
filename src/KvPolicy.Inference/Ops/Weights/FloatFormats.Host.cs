using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace KvPolicy.Inference.Ops.Weights;

/// <summary>32-bit floats.</summary>
internal readonly unsafe struct F32Format : IWeightFormat
{
    /// <inheritdoc/>
    public static int ElementBytes => 4;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Unpack(byte* row, int index, out Vector256<float> w0, out Vector256<float> w1, out Vector256<float> w2, out Vector256<float> w3)
    {
        float* source = (float*)row + index * 32L;
        w0 = Vector256.Load(source);
        w1 = Vector256.Load(source + 8);
        w2 = Vector256.Load(source + 16);
        w3 = Vector256.Load(source + 24);
    }
}

/// <summary>16-bit IEEE floats.</summary>
internal readonly unsafe struct F16Format : IWeightFormat
{
    /// <inheritdoc/>
    public static int ElementBytes => 2;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Unpack(byte* row, int index, out Vector256<float> w0, out Vector256<float> w1, out Vector256<float> w2, out Vector256<float> w3)
    {
        byte* source = row + index * 64L;
        w0 = Widen.Halves(Widen.Words(source));
        w1 = Widen.Halves(Widen.Words(source + 16));
        w2 = Widen.Halves(Widen.Words(source + 32));
        w3 = Widen.Halves(Widen.Words(source + 48));
    }
}

/// <summary>Upper halves of 32-bit floats.</summary>
internal readonly unsafe struct BF16Format : IWeightFormat
{
    /// <inheritdoc/>
    public static int ElementBytes => 2;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Unpack(byte* row, int index, out Vector256<float> w0, out Vector256<float> w1, out Vector256<float> w2, out Vector256<float> w3)
    {
        byte* source = row + index * 64L;
        w0 = Vector256.ShiftLeft(Widen.Words(source), 16).AsSingle();
        w1 = Vector256.ShiftLeft(Widen.Words(source + 16), 16).AsSingle();
        w2 = Vector256.ShiftLeft(Widen.Words(source + 32), 16).AsSingle();
        w3 = Vector256.ShiftLeft(Widen.Words(source + 48), 16).AsSingle();
    }
}
