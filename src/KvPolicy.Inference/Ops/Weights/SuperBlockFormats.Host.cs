using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace KvPolicy.Inference.Ops.Weights;

/// <summary>144 bytes for 256 weights: f16 d and dmin, eight 6-bit scales and minima in 12 bytes, 128 bytes of nibbles; (d * sc) * q - (dmin * m).</summary>
internal readonly unsafe struct Q4KFormat : IWeightFormat
{
    /// <inheritdoc/>
    public static int ElementBytes => 0;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Unpack(byte* row, int index, out Vector256<float> w0, out Vector256<float> w1, out Vector256<float> w2, out Vector256<float> w3)
    {
        byte* block = row + (index >> 3) * 144L;
        int part = index & 7;
        Scale(block + 4, part, out int scale, out int minimum);
        var d = Vector256.Create(Widen.Half(block) * scale);
        var m = Vector256.Create(Widen.Half(block + 2) * minimum);
        // Two neighbouring parts share 32 bytes: the even one has the low nibbles, the odd one the high ones.
        byte* nibbles = block + 16 + (part >> 1) * 32;
        int shift = (part & 1) * 4;
        w0 = d * Nibble(nibbles, shift) - m;
        w1 = d * Nibble(nibbles + 8, shift) - m;
        w2 = d * Nibble(nibbles + 16, shift) - m;
        w3 = d * Nibble(nibbles + 24, shift) - m;
    }

    // Parts 0 to 3 lie in six bits each; the others in four bits, their upper two in the spare bits of the first ones.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Scale(byte* packed, int part, out int scale, out int minimum)
    {
        if (part < 4)
        {
            scale = packed[part] & 63;
            minimum = packed[part + 4] & 63;
        }
        else
        {
            scale = (packed[part + 4] & 15) | ((packed[part - 4] >> 6) << 4);
            minimum = (packed[part + 4] >> 4) | ((packed[part] >> 6) << 4);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Nibble(byte* bytes, int shift)
        => Vector256.ConvertToSingle(Vector256.ShiftRightLogical(Widen.Bytes(bytes), shift) & Vector256.Create(15));
}

/// <summary>210 bytes for 256 weights: 128 bytes of low nibbles, 64 bytes of upper bit pairs, 16 signed scales, f16 d; (d * sc) * (q - 32).</summary>
internal readonly unsafe struct Q6KFormat : IWeightFormat
{
    /// <inheritdoc/>
    public static int ElementBytes => 0;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Unpack(byte* row, int index, out Vector256<float> w0, out Vector256<float> w1, out Vector256<float> w2, out Vector256<float> w3)
    {
        byte* block = row + (index >> 3) * 210L;
        // A block is two halves of 128 weights, a half four quarters of 32.
        int half = (index >> 2) & 1, quarter = index & 3;
        byte* low = block + half * 64 + (quarter & 1) * 32, high = block + 128 + half * 32;
        sbyte* scales = (sbyte*)(block + 192 + half * 8 + quarter * 2);
        float d = Widen.Half(block + 208);
        Vector256<float> d0 = Vector256.Create(d * scales[0]), d1 = Vector256.Create(d * scales[1]);
        int lowShift = (quarter >> 1) * 4, highShift = quarter * 2;
        w0 = d0 * Six(low, high, lowShift, highShift);
        w1 = d0 * Six(low + 8, high + 8, lowShift, highShift);
        w2 = d1 * Six(low + 16, high + 16, lowShift, highShift);
        w3 = d1 * Six(low + 24, high + 24, lowShift, highShift);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Six(byte* low, byte* high, int lowShift, int highShift)
    {
        Vector256<int> nibble = Vector256.ShiftRightLogical(Widen.Bytes(low), lowShift) & Vector256.Create(15);
        Vector256<int> pair = Vector256.ShiftRightLogical(Widen.Bytes(high), highShift) & Vector256.Create(3);
        return Vector256.ConvertToSingle((nibble | Vector256.ShiftLeft(pair, 4)) - Vector256.Create(32));
    }
}
