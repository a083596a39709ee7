using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using KvPolicy.Inference.Models;

namespace KvPolicy.Inference.Ops.Weights;

/// <summary>Rows of any format: 32 weights at a time become f32 in registers.</summary>
internal unsafe class WeightRows<TFormat> : WeightRows
    where TFormat : struct, IWeightFormat
{
    private const int Block = 32;

    /// <summary>Reads the tensor.</summary>
    internal WeightRows(ModelTensor tensor)
    {
        Data = tensor.Data;
        RowBytes = tensor.RowBytes;
        Columns = tensor.Columns;
    }

    /// <summary>First byte.</summary>
    protected byte* Data { get; }

    /// <summary>Bytes of a row.</summary>
    protected long RowBytes { get; }

    /// <summary>Weights of a row.</summary>
    protected int Columns { get; }

    /// <inheritdoc/>
    public override object PreparedTag => PlainInput;

    /// <inheritdoc/>
    public override int PreparedFloats => (Columns + Block - 1) / Block * Block;

    /// <inheritdoc/>
    public override void Prepare(float* x, float* prepared)
    {
        new ReadOnlySpan<float>(x, Columns).CopyTo(new Span<float>(prepared, Columns));
        new Span<float>(prepared + Columns, PreparedFloats - Columns).Clear();
    }

    /// <inheritdoc/>
    public override void Dot(int first, int count, float* prepared, float* y)
    {
        for (int r = 0; r < count; r++) y[r] = DotOne(Data + (first + r) * RowBytes, prepared);
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Unpack(int row, float* destination)
    {
        byte* source = Data + row * RowBytes;
        int blocks = Columns / Block;
        for (int b = 0; b < blocks; b++) UnpackBlock(source, b, destination + b * Block);
        int rest = Columns - blocks * Block;
        if (rest == 0) return;
        float* last = stackalloc float[Block];
        byte* padded = stackalloc byte[Block * sizeof(float)];
        PadTail(source, blocks, rest, padded);
        UnpackBlock(padded, 0, last);
        new ReadOnlySpan<float>(last, rest).CopyTo(new Span<float>(destination + blocks * Block, rest));
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Pack(int first, int count, float* panel)
    {
        float* square = stackalloc float[PanelWidth * Block];
        byte* padded = stackalloc byte[Block * sizeof(float)];
        if (count < PanelWidth) new Span<float>(square, PanelWidth * Block).Clear();
        int blocks = (Columns + Block - 1) / Block;
        for (int b = 0; b < blocks; b++)
        {
            int columns = Math.Min(Block, Columns - b * Block);
            for (int r = 0; r < count; r++)
            {
                byte* row = Data + (first + r) * RowBytes;
                if (columns == Block)
                {
                    UnpackBlock(row, b, square + r * Block);
                }
                else
                {
                    PadTail(row, b, columns, padded);
                    UnpackBlock(padded, 0, square + r * Block);
                }
            }

            Transpose.Square32(square, panel + (long)b * Block * PanelWidth, columns);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private float DotOne(byte* row, float* x)
    {
        Vector256<float> a0 = default, a1 = default, a2 = default, a3 = default;
        int blocks = Columns / Block;
        for (int b = 0; b < blocks; b++, x += Block) Accumulate(row, b, x, ref a0, ref a1, ref a2, ref a3);
        int rest = Columns - blocks * Block;
        if (rest > 0)
        {
            byte* padded = stackalloc byte[Block * sizeof(float)];
            PadTail(row, blocks, rest, padded);
            Accumulate(padded, 0, x, ref a0, ref a1, ref a2, ref a3);
        }

        return Vector256.Sum(a0 + a1 + (a2 + a3));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Accumulate(byte* row, int block, float* x, ref Vector256<float> a0, ref Vector256<float> a1, ref Vector256<float> a2, ref Vector256<float> a3)
    {
        TFormat.Unpack(row, block, out Vector256<float> w0, out Vector256<float> w1, out Vector256<float> w2, out Vector256<float> w3);
        a0 = Vector256.FusedMultiplyAdd(w0, Vector256.Load(x), a0);
        a1 = Vector256.FusedMultiplyAdd(w1, Vector256.Load(x + 8), a1);
        a2 = Vector256.FusedMultiplyAdd(w2, Vector256.Load(x + 16), a2);
        a3 = Vector256.FusedMultiplyAdd(w3, Vector256.Load(x + 24), a3);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void UnpackBlock(byte* row, int block, float* destination)
    {
        TFormat.Unpack(row, block, out Vector256<float> w0, out Vector256<float> w1, out Vector256<float> w2, out Vector256<float> w3);
        w0.Store(destination);
        w1.Store(destination + 8);
        w2.Store(destination + 16);
        w3.Store(destination + 24);
    }

    // Only formats of single weights have rows that end within 32; what follows the row must not be read.
    private static void PadTail(byte* row, int block, int count, byte* padded)
    {
        int size = TFormat.ElementBytes;
        var target = new Span<byte>(padded, Block * sizeof(float));
        target.Clear();
        new ReadOnlySpan<byte>(row + (long)block * Block * size, count * size).CopyTo(target);
    }
}
