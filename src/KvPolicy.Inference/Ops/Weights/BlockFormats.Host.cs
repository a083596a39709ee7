using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace KvPolicy.Inference.Ops.Weights;

/// <summary>34 bytes: f16 scale d, 32 signed bytes; d * q.</summary>
internal readonly unsafe struct Q80Format : IWeightFormat
{
    /// <inheritdoc/>
    public static int ElementBytes => 0;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Unpack(byte* row, int index, out Vector256<float> w0, out Vector256<float> w1, out Vector256<float> w2, out Vector256<float> w3)
    {
        byte* block = row + index * 34L;
        var d = Vector256.Create(Widen.Half(block));
        w0 = d * Vector256.ConvertToSingle(Widen.SignedBytes(block + 2));
        w1 = d * Vector256.ConvertToSingle(Widen.SignedBytes(block + 10));
        w2 = d * Vector256.ConvertToSingle(Widen.SignedBytes(block + 18));
        w3 = d * Vector256.ConvertToSingle(Widen.SignedBytes(block + 26));
    }
}

/// <summary>18 bytes: f16 scale d, 32 nibbles (low ones first, then high ones); d * (q - 8).</summary>
internal readonly unsafe struct Q40Format : IWeightFormat
{
    /// <inheritdoc/>
    public static int ElementBytes => 0;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Unpack(byte* row, int index, out Vector256<float> w0, out Vector256<float> w1, out Vector256<float> w2, out Vector256<float> w3)
    {
        byte* block = row + index * 18L;
        var d = Vector256.Create(Widen.Half(block));
        Nibbles.Unpack(block + 2, out Vector256<int> q0, out Vector256<int> q1, out Vector256<int> q2, out Vector256<int> q3);
        var middle = Vector256.Create(8);
        w0 = d * Vector256.ConvertToSingle(q0 - middle);
        w1 = d * Vector256.ConvertToSingle(q1 - middle);
        w2 = d * Vector256.ConvertToSingle(q2 - middle);
        w3 = d * Vector256.ConvertToSingle(q3 - middle);
    }
}

/// <summary>20 bytes: f16 scale d and minimum m, 32 nibbles; d * q + m.</summary>
internal readonly unsafe struct Q41Format : IWeightFormat
{
    /// <inheritdoc/>
    public static int ElementBytes => 0;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Unpack(byte* row, int index, out Vector256<float> w0, out Vector256<float> w1, out Vector256<float> w2, out Vector256<float> w3)
    {
        byte* block = row + index * 20L;
        var d = Vector256.Create(Widen.Half(block));
        var m = Vector256.Create(Widen.Half(block + 2));
        Nibbles.Unpack(block + 4, out Vector256<int> q0, out Vector256<int> q1, out Vector256<int> q2, out Vector256<int> q3);
        w0 = d * Vector256.ConvertToSingle(q0) + m;
        w1 = d * Vector256.ConvertToSingle(q1) + m;
        w2 = d * Vector256.ConvertToSingle(q2) + m;
        w3 = d * Vector256.ConvertToSingle(q3) + m;
    }
}

/// <summary>22 bytes: f16 scale d, 32 fifth bits, 32 nibbles; d * (q - 16).</summary>
internal readonly unsafe struct Q50Format : IWeightFormat
{
    /// <inheritdoc/>
    public static int ElementBytes => 0;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Unpack(byte* row, int index, out Vector256<float> w0, out Vector256<float> w1, out Vector256<float> w2, out Vector256<float> w3)
    {
        byte* block = row + index * 22L;
        var d = Vector256.Create(Widen.Half(block));
        Nibbles.UnpackFive(block + 6, Unsafe.ReadUnaligned<int>(block + 2), out Vector256<int> q0, out Vector256<int> q1, out Vector256<int> q2, out Vector256<int> q3);
        var middle = Vector256.Create(16);
        w0 = d * Vector256.ConvertToSingle(q0 - middle);
        w1 = d * Vector256.ConvertToSingle(q1 - middle);
        w2 = d * Vector256.ConvertToSingle(q2 - middle);
        w3 = d * Vector256.ConvertToSingle(q3 - middle);
    }
}

/// <summary>24 bytes: f16 scale d and minimum m, 32 fifth bits, 32 nibbles; d * q + m.</summary>
internal readonly unsafe struct Q51Format : IWeightFormat
{
    /// <inheritdoc/>
    public static int ElementBytes => 0;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Unpack(byte* row, int index, out Vector256<float> w0, out Vector256<float> w1, out Vector256<float> w2, out Vector256<float> w3)
    {
        byte* block = row + index * 24L;
        var d = Vector256.Create(Widen.Half(block));
        var m = Vector256.Create(Widen.Half(block + 2));
        Nibbles.UnpackFive(block + 8, Unsafe.ReadUnaligned<int>(block + 4), out Vector256<int> q0, out Vector256<int> q1, out Vector256<int> q2, out Vector256<int> q3);
        w0 = d * Vector256.ConvertToSingle(q0) + m;
        w1 = d * Vector256.ConvertToSingle(q1) + m;
        w2 = d * Vector256.ConvertToSingle(q2) + m;
        w3 = d * Vector256.ConvertToSingle(q3) + m;
    }
}

/// <summary>16 bytes of nibbles: the low ones are weights 0 to 15, the high ones 16 to 31.</summary>
internal static unsafe class Nibbles
{
    /// <summary>0 .. 15 each.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Unpack(byte* bytes, out Vector256<int> q0, out Vector256<int> q1, out Vector256<int> q2, out Vector256<int> q3)
    {
        Vector256<int> first = Widen.Bytes(bytes), second = Widen.Bytes(bytes + 8);
        var low = Vector256.Create(15);
        q0 = first & low;
        q1 = second & low;
        q2 = Vector256.ShiftRightLogical(first, 4);
        q3 = Vector256.ShiftRightLogical(second, 4);
    }

    /// <summary>0 .. 31 each: bit i of <paramref name="high"/> is the fifth bit of weight i.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void UnpackFive(byte* bytes, int high, out Vector256<int> q0, out Vector256<int> q1, out Vector256<int> q2, out Vector256<int> q3)
    {
        Unpack(bytes, out q0, out q1, out q2, out q3);
        q0 |= FifthBits(high);
        q1 |= FifthBits(high >> 8);
        q2 |= FifthBits(high >> 16);
        q3 |= FifthBits(high >> 24);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> FifthBits(int bits)
    {
        Vector256<int> lane = Vector256.Create(1, 2, 4, 8, 16, 32, 64, 128);
        return Vector256.Equals(Vector256.Create(bits) & lane, lane) & Vector256.Create(16);
    }
}
