using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using KvPolicy.Inference.Models;

namespace KvPolicy.Inference.Ops.Weights;

/// <summary>
/// Rows of nibbles, read as dwords of eight. Masking nibble j in place gives q * 16^j, which converts to f32 exactly, and the input was
/// multiplied by 16^-j beforehand (exact as well): one AND, one conversion, one FMA for a vector of weights, no shifts.
/// Blocks go in fours where vectors of 512 bits are native, else and at the end of a row in pairs. Prepared input, for each group of
/// blocks in turn: [8 nibbles][lanes: 4 dwords a block], then [lanes] sums of the eight inputs that share a dword.
/// </summary>
internal sealed unsafe class NibbleRows<TFormat, TBlock>(ModelTensor tensor) : WeightRows<TFormat>(tensor)
    where TFormat : struct, IWeightFormat
    where TBlock : struct, INibbleBlock
{
    private const int PairLanes = 8, FourLanes = 16;
    private const int PairFloats = 9 * PairLanes, FourFloats = 9 * FourLanes;

    private static bool HasFours => Vector512.IsHardwareAccelerated && Avx512F.IsSupported;

    /// <inheritdoc/>
    public override object PreparedTag => NibbleInput;

    /// <inheritdoc/>
    public override int PreparedFloats => Fours * FourFloats + (Blocks - 4 * Fours + 1) / 2 * PairFloats;

    private int Blocks => Columns / 32;

    private int Fours => HasFours ? Blocks / 4 : 0;

    /// <inheritdoc/>
    public override void Prepare(float* x, float* prepared)
    {
        int inFours = 4 * Fours;
        for (int block = 0; block < inFours; block++) PrepareBlock(x + block * 32, prepared + block / 4 * FourFloats + block % 4 * 4, FourLanes);
        prepared += Fours * FourFloats;
        for (int block = 0; block < Blocks - inFours; block++) PrepareBlock(x + (inFours + block) * 32, prepared + block / 2 * PairFloats + block % 2 * 4, PairLanes);
        if ((Blocks - inFours) % 2 == 0) return;
        // A row's odd last block is read twice: its second half meets inputs of 0.
        float* last = prepared + (Blocks - inFours) / 2 * PairFloats + 4;
        for (int j = 0; j < 9; j++) Vector128<float>.Zero.Store(last + j * PairLanes);
    }

    /// <inheritdoc/>
    public override void Dot(int first, int count, float* prepared, float* y)
    {
        for (int r = 0; r < count; r++) y[r] = DotOne(Data + (first + r) * RowBytes, prepared);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private float DotOne(byte* row, float* x)
    {
        int fours = Fours, pairs = (Blocks - 4 * fours) / 2;
        Vector256<float> sum = default;
        if (fours > 0)
        {
            Vector512<float> wide = DotFours(row, x, fours);
            sum = wide.GetLower() + wide.GetUpper();
            row += 4L * fours * TBlock.Bytes;
            x += fours * FourFloats;
        }

        for (int pair = 0; pair < pairs; pair++, row += 2 * TBlock.Bytes, x += PairFloats) sum = AddPair(row, row + TBlock.Bytes, x, sum);
        if (Blocks % 2 != 0) sum = AddPair(row, row, x, sum);
        return Vector256.Sum(sum);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> DotFours(byte* row, float* x, int fours)
    {
        Vector512<float> scaled = default, offset = default;
        for (int four = 0; four < fours; four++, row += 4 * TBlock.Bytes, x += FourFloats)
        {
            TBlock.Four(row, out Vector512<int> nibbles, out Vector512<float> scales, out Vector512<float> offsets);
            scaled = Vector512.FusedMultiplyAdd(Group(nibbles, x), scales, scaled);
            offset = Vector512.FusedMultiplyAdd(Vector512.Load(x + 8 * FourLanes), offsets, offset);
        }

        return scaled + offset;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> AddPair(byte* low, byte* high, float* x, Vector256<float> sum)
    {
        Vector256<int> nibbles = Vector256.Create(Vector128.Load(low + TBlock.Start), Vector128.Load(high + TBlock.Start)).AsInt32();
        TBlock.Scales(low, high, out Vector256<float> scales, out Vector256<float> offsets);
        sum = Vector256.FusedMultiplyAdd(Group(nibbles, x), scales, sum);
        return Vector256.FusedMultiplyAdd(Vector256.Load(x + 8 * PairLanes), offsets, sum);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Group(Vector512<int> nibbles, float* x)
    {
        Vector512<float> even = Nibble(nibbles, 0xf) * Vector512.Load(x);
        Vector512<float> odd = Nibble(nibbles, 0xf0) * Vector512.Load(x + FourLanes);
        even = Vector512.FusedMultiplyAdd(Nibble(nibbles, 0xf00), Vector512.Load(x + 2 * FourLanes), even);
        odd = Vector512.FusedMultiplyAdd(Nibble(nibbles, 0xf000), Vector512.Load(x + 3 * FourLanes), odd);
        even = Vector512.FusedMultiplyAdd(Nibble(nibbles, 0xf0000), Vector512.Load(x + 4 * FourLanes), even);
        odd = Vector512.FusedMultiplyAdd(Nibble(nibbles, 0xf00000), Vector512.Load(x + 5 * FourLanes), odd);
        even = Vector512.FusedMultiplyAdd(Nibble(nibbles, 0xf000000), Vector512.Load(x + 6 * FourLanes), even);
        odd = Vector512.FusedMultiplyAdd(Vector512.ConvertToSingle(Vector512.ShiftRightLogical(nibbles, 28)), Vector512.Load(x + 7 * FourLanes), odd);
        return even + odd;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Group(Vector256<int> nibbles, float* x)
    {
        Vector256<float> even = Nibble(nibbles, 0xf) * Vector256.Load(x);
        Vector256<float> odd = Nibble(nibbles, 0xf0) * Vector256.Load(x + PairLanes);
        even = Vector256.FusedMultiplyAdd(Nibble(nibbles, 0xf00), Vector256.Load(x + 2 * PairLanes), even);
        odd = Vector256.FusedMultiplyAdd(Nibble(nibbles, 0xf000), Vector256.Load(x + 3 * PairLanes), odd);
        even = Vector256.FusedMultiplyAdd(Nibble(nibbles, 0xf0000), Vector256.Load(x + 4 * PairLanes), even);
        odd = Vector256.FusedMultiplyAdd(Nibble(nibbles, 0xf00000), Vector256.Load(x + 5 * PairLanes), odd);
        even = Vector256.FusedMultiplyAdd(Nibble(nibbles, 0xf000000), Vector256.Load(x + 6 * PairLanes), even);
        odd = Vector256.FusedMultiplyAdd(Vector256.ConvertToSingle(Vector256.ShiftRightLogical(nibbles, 28)), Vector256.Load(x + 7 * PairLanes), odd);
        return even + odd;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Nibble(Vector512<int> nibbles, int mask) => Vector512.ConvertToSingle(nibbles & Vector512.Create(mask));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Nibble(Vector256<int> nibbles, int mask) => Vector256.ConvertToSingle(nibbles & Vector256.Create(mask));

    // Dword i holds the bytes 4 i to 4 i + 3; a byte's low nibble is a weight of the block's first half, its high one of the second.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void PrepareBlock(float* x, float* lanes, int stride)
    {
        Vector128<float> sum = Turn(x, lanes, stride, 1f, 1f / 0x1000000) + Turn(x + 16, lanes + stride, stride, 1f / 0x10, 1f);
        sum.Store(lanes + 8 * stride);
    }

    // Byte b of every dword: a 4 x 4 transpose. Each byte further on stands 256 times higher; the top nibble is shifted down
    // instead of masked, because in place it would reach the sign, so the last factor is given apart.
    private static Vector128<float> Turn(float* x, float* lanes, int stride, float first, float last)
    {
        Vector128<float> sum = default;
        for (int b = 0; b < 4; b++)
        {
            Vector128<float> column = Vector128.Create(x[b], x[b + 4], x[b + 8], x[b + 12]);
            (column * (b == 3 ? last : first)).Store(lanes + 2 * b * stride);
            sum += column;
            first /= 256;
        }

        return sum;
    }
}
