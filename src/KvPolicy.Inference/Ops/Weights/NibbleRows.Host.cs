using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using KvPolicy.Inference.Models;

namespace KvPolicy.Inference.Ops.Weights;

/// <summary>Where a block of 32 nibbles has its parts.</summary>
internal unsafe interface INibbleBlock
{
    /// <summary>Bytes of a block.</summary>
    static abstract int Bytes { get; }

    /// <summary>First byte of the 16 bytes of nibbles.</summary>
    static abstract int Start { get; }

    /// <summary>A weight is scale * nibble + offset.</summary>
    static abstract void Scale(byte* block, out float scale, out float offset);
}

/// <summary>Q4_0: d * (q - 8).</summary>
internal readonly unsafe struct Q40Nibbles : INibbleBlock
{
    /// <inheritdoc/>
    public static int Bytes => 18;

    /// <inheritdoc/>
    public static int Start => 2;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Scale(byte* block, out float scale, out float offset)
    {
        scale = Widen.Half(block);
        offset = -8f * scale;
    }
}

/// <summary>Q4_1: d * q + m.</summary>
internal readonly unsafe struct Q41Nibbles : INibbleBlock
{
    /// <inheritdoc/>
    public static int Bytes => 20;

    /// <inheritdoc/>
    public static int Start => 4;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Scale(byte* block, out float scale, out float offset)
    {
        scale = Widen.Half(block);
        offset = Widen.Half(block + 2);
    }
}

/// <summary>
/// Rows of nibbles, read as dwords of eight. Masking nibble j in place gives q * 16^j, which converts to f32 exactly, and the input was
/// multiplied by 16^-j beforehand (exact as well): one AND, one conversion, one FMA for eight weights, no shifts.
/// Prepared input, for each pair of blocks: [8 nibbles][8 dwords], then [8] sums of the eight inputs that share a dword.
/// </summary>
internal sealed unsafe class NibbleRows<TFormat, TBlock>(ModelTensor tensor) : WeightRows<TFormat>(tensor)
    where TFormat : struct, IWeightFormat
    where TBlock : struct, INibbleBlock
{
    private const int GroupFloats = 9 * 8;

    /// <inheritdoc/>
    public override object PreparedTag => NibbleInput;

    /// <inheritdoc/>
    public override int PreparedFloats => (Columns / 32 + 1) / 2 * GroupFloats;

    /// <inheritdoc/>
    public override void Prepare(float* x, float* prepared)
    {
        int blocks = Columns / 32;
        for (int block = 0; block < blocks; block++)
        {
            float* group = prepared + block / 2 * GroupFloats;
            for (int dword = 0; dword < 4; dword++)
            {
                int lane = block % 2 * 4 + dword;
                float power = 1f, sum = 0f;
                for (int j = 0; j < 8; j++)
                {
                    // Byte j / 2 of the dword; its low nibble is a weight of the block's first half, its high one of the second.
                    float value = x[block * 32 + dword * 4 + j / 2 + (j & 1) * 16];
                    group[j * 8 + lane] = value * power;
                    sum += value;
                    // The top nibble is shifted down instead: in place it would reach the sign.
                    power = j == 6 ? 1f : power * 0.0625f;
                }

                group[64 + lane] = sum;
            }
        }

        if (blocks % 2 != 0) ClearUpperLanes(prepared + blocks / 2 * GroupFloats);
    }

    /// <inheritdoc/>
    public override void Dot(int first, int count, float* prepared, float* y)
    {
        int r = 0;
        for (; r + 2 <= count; r += 2) DotTwo(Data + (first + r) * RowBytes, prepared, y + r);
        for (; r < count; r++) y[r] = DotOne(Data + (first + r) * RowBytes, prepared);
    }

    private void DotTwo(byte* row, float* x, float* y)
    {
        byte* second = row + RowBytes;
        int blocks = Columns / 32;
        Vector256<float> a = default, b = default;
        for (int pair = 0; pair < blocks / 2; pair++, row += 2 * TBlock.Bytes, second += 2 * TBlock.Bytes, x += GroupFloats)
        {
            Load(row, row + TBlock.Bytes, out Vector256<int> qa, out Vector256<float> da, out Vector256<float> ma);
            Load(second, second + TBlock.Bytes, out Vector256<int> qb, out Vector256<float> db, out Vector256<float> mb);
            a = Vector256.FusedMultiplyAdd(Group(qa, x), da, a);
            b = Vector256.FusedMultiplyAdd(Group(qb, x), db, b);
            a = Vector256.FusedMultiplyAdd(Vector256.Load(x + 64), ma, a);
            b = Vector256.FusedMultiplyAdd(Vector256.Load(x + 64), mb, b);
        }

        if (blocks % 2 != 0)
        {
            a = Last(row, x, a);
            b = Last(second, x, b);
        }

        y[0] = Vector256.Sum(a);
        y[1] = Vector256.Sum(b);
    }

    private float DotOne(byte* row, float* x)
    {
        int blocks = Columns / 32;
        Vector256<float> a = default;
        for (int pair = 0; pair < blocks / 2; pair++, row += 2 * TBlock.Bytes, x += GroupFloats)
        {
            Load(row, row + TBlock.Bytes, out Vector256<int> q, out Vector256<float> d, out Vector256<float> m);
            a = Vector256.FusedMultiplyAdd(Group(q, x), d, a);
            a = Vector256.FusedMultiplyAdd(Vector256.Load(x + 64), m, a);
        }

        if (blocks % 2 != 0) a = Last(row, x, a);
        return Vector256.Sum(a);
    }

    // A row's odd last block: the upper lanes read the same block against inputs of 0.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Last(byte* block, float* x, Vector256<float> a)
    {
        Load(block, block, out Vector256<int> q, out Vector256<float> d, out Vector256<float> m);
        a = Vector256.FusedMultiplyAdd(Group(q, x), d, a);
        return Vector256.FusedMultiplyAdd(Vector256.Load(x + 64), m, a);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Load(byte* low, byte* high, out Vector256<int> nibbles, out Vector256<float> scales, out Vector256<float> offsets)
    {
        nibbles = Vector256.Create(Vector128.Load(low + TBlock.Start), Vector128.Load(high + TBlock.Start)).AsInt32();
        TBlock.Scale(low, out float d0, out float m0);
        TBlock.Scale(high, out float d1, out float m1);
        scales = Vector256.Create(Vector128.Create(d0), Vector128.Create(d1));
        offsets = Vector256.Create(Vector128.Create(m0), Vector128.Create(m1));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Group(Vector256<int> nibbles, float* x)
    {
        Vector256<float> even = Nibble(nibbles, 0xf) * Vector256.Load(x);
        Vector256<float> odd = Nibble(nibbles, 0xf0) * Vector256.Load(x + 8);
        even = Vector256.FusedMultiplyAdd(Nibble(nibbles, 0xf00), Vector256.Load(x + 16), even);
        odd = Vector256.FusedMultiplyAdd(Nibble(nibbles, 0xf000), Vector256.Load(x + 24), odd);
        even = Vector256.FusedMultiplyAdd(Nibble(nibbles, 0xf0000), Vector256.Load(x + 32), even);
        odd = Vector256.FusedMultiplyAdd(Nibble(nibbles, 0xf00000), Vector256.Load(x + 40), odd);
        even = Vector256.FusedMultiplyAdd(Nibble(nibbles, 0xf000000), Vector256.Load(x + 48), even);
        odd = Vector256.FusedMultiplyAdd(Vector256.ConvertToSingle(Vector256.ShiftRightLogical(nibbles, 28)), Vector256.Load(x + 56), odd);
        return even + odd;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Nibble(Vector256<int> nibbles, int mask) => Vector256.ConvertToSingle(nibbles & Vector256.Create(mask));

    private static void ClearUpperLanes(float* group)
    {
        for (int j = 0; j < 9; j++) Vector128<float>.Zero.Store(group + j * 8 + 4);
    }
}
