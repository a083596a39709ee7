using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace KvPolicy.Inference.Ops.Products;

/// <summary>
/// The inner loop of every matrix product: rows of a against 32 columns of b. Each output is one chain of fused multiply-adds in the
/// order of the inner dimension, so its bits depend neither on the rows beside it nor on the width of the machine's vectors.
/// </summary>
internal static unsafe class MicroKernel
{
    /// <summary>Columns of b and c.</summary>
    public const int Width = 32;

    private const int RowsWide = 8;
    private const int RowsFew = 4;
    private const int Half = 16;

    /// <summary>c[r][j] = start + sum over i of a[r][i] * b[i][j], where start is c[r][j] if <paramref name="add"/>, else 0.</summary>
    /// <param name="a">[rows, inner]</param>
    /// <param name="strideA">Floats from a row of a to the next.</param>
    /// <param name="rows">Rows.</param>
    /// <param name="b">[inner, 32]</param>
    /// <param name="strideB">Floats from a row of b to the next.</param>
    /// <param name="inner">Inner dimension.</param>
    /// <param name="c">[rows, 32]</param>
    /// <param name="strideC">Floats from a row of c to the next.</param>
    /// <param name="add">Start from what c holds.</param>
    public static void Multiply(float* a, nint strideA, int rows, float* b, nint strideB, int inner, float* c, nint strideC, bool add)
    {
        int r = 0;
        if (Vector512.IsHardwareAccelerated)
        {
            for (; r + RowsWide <= rows; r += RowsWide) Wide8(a + r * strideA, strideA, b, strideB, inner, c + r * strideC, strideC, add);
            for (; rows - r > 1; r += RowsFew) Wide4(a + r * strideA, strideA, rows - r, b, strideB, inner, c + r * strideC, strideC, add);
            if (rows - r == 1) Wide1(a + r * strideA, b, strideB, inner, c + r * strideC, add);
            return;
        }

        for (; rows - r > 1; r += RowsFew)
        {
            Narrow4(a + r * strideA, strideA, rows - r, b, strideB, inner, c + r * strideC, strideC, add);
            Narrow4(a + r * strideA, strideA, rows - r, b + Half, strideB, inner, c + r * strideC + Half, strideC, add);
        }

        if (rows - r == 1) Narrow1(a + r * strideA, b, strideB, inner, c + r * strideC, add);
    }

    // 8 x 32: 16 accumulators, 2 columns, 1 broadcast of 32 registers.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Wide8(float* a, nint strideA, float* b, nint strideB, int inner, float* c, nint strideC, bool add)
    {
        float* a1 = a + strideA, a2 = a1 + strideA, a3 = a2 + strideA, a4 = a3 + strideA, a5 = a4 + strideA, a6 = a5 + strideA, a7 = a6 + strideA;
        Vector512<float> x0 = default, y0 = default, x1 = default, y1 = default, x2 = default, y2 = default, x3 = default, y3 = default;
        Vector512<float> x4 = default, y4 = default, x5 = default, y5 = default, x6 = default, y6 = default, x7 = default, y7 = default;
        if (add)
        {
            (x0, y0) = (Vector512.Load(c), Vector512.Load(c + 16));
            (x1, y1) = (Vector512.Load(c + strideC), Vector512.Load(c + strideC + 16));
            (x2, y2) = (Vector512.Load(c + 2 * strideC), Vector512.Load(c + 2 * strideC + 16));
            (x3, y3) = (Vector512.Load(c + 3 * strideC), Vector512.Load(c + 3 * strideC + 16));
            (x4, y4) = (Vector512.Load(c + 4 * strideC), Vector512.Load(c + 4 * strideC + 16));
            (x5, y5) = (Vector512.Load(c + 5 * strideC), Vector512.Load(c + 5 * strideC + 16));
            (x6, y6) = (Vector512.Load(c + 6 * strideC), Vector512.Load(c + 6 * strideC + 16));
            (x7, y7) = (Vector512.Load(c + 7 * strideC), Vector512.Load(c + 7 * strideC + 16));
        }

        for (nint i = 0; i < inner; i++, b += strideB)
        {
            Vector512<float> b0 = Vector512.Load(b), b1 = Vector512.Load(b + 16), s;
            s = Vector512.Create(a[i]);
            (x0, y0) = (Vector512.FusedMultiplyAdd(s, b0, x0), Vector512.FusedMultiplyAdd(s, b1, y0));
            s = Vector512.Create(a1[i]);
            (x1, y1) = (Vector512.FusedMultiplyAdd(s, b0, x1), Vector512.FusedMultiplyAdd(s, b1, y1));
            s = Vector512.Create(a2[i]);
            (x2, y2) = (Vector512.FusedMultiplyAdd(s, b0, x2), Vector512.FusedMultiplyAdd(s, b1, y2));
            s = Vector512.Create(a3[i]);
            (x3, y3) = (Vector512.FusedMultiplyAdd(s, b0, x3), Vector512.FusedMultiplyAdd(s, b1, y3));
            s = Vector512.Create(a4[i]);
            (x4, y4) = (Vector512.FusedMultiplyAdd(s, b0, x4), Vector512.FusedMultiplyAdd(s, b1, y4));
            s = Vector512.Create(a5[i]);
            (x5, y5) = (Vector512.FusedMultiplyAdd(s, b0, x5), Vector512.FusedMultiplyAdd(s, b1, y5));
            s = Vector512.Create(a6[i]);
            (x6, y6) = (Vector512.FusedMultiplyAdd(s, b0, x6), Vector512.FusedMultiplyAdd(s, b1, y6));
            s = Vector512.Create(a7[i]);
            (x7, y7) = (Vector512.FusedMultiplyAdd(s, b0, x7), Vector512.FusedMultiplyAdd(s, b1, y7));
        }

        x0.Store(c);
        y0.Store(c + 16);
        x1.Store(c + strideC);
        y1.Store(c + strideC + 16);
        x2.Store(c + 2 * strideC);
        y2.Store(c + 2 * strideC + 16);
        x3.Store(c + 3 * strideC);
        y3.Store(c + 3 * strideC + 16);
        x4.Store(c + 4 * strideC);
        y4.Store(c + 4 * strideC + 16);
        x5.Store(c + 5 * strideC);
        y5.Store(c + 5 * strideC + 16);
        x6.Store(c + 6 * strideC);
        y6.Store(c + 6 * strideC + 16);
        x7.Store(c + 7 * strideC);
        y7.Store(c + 7 * strideC + 16);
    }

    // Two to four rows; a row that is missing repeats the last one, and is stored over it with the same bits.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Wide4(float* a, nint strideA, int rows, float* b, nint strideB, int inner, float* c, nint strideC, bool add)
    {
        nint r1 = Math.Min(1, rows - 1), r2 = Math.Min(2, rows - 1), r3 = Math.Min(3, rows - 1);
        float* a1 = a + r1 * strideA, a2 = a + r2 * strideA, a3 = a + r3 * strideA;
        float* c1 = c + r1 * strideC, c2 = c + r2 * strideC, c3 = c + r3 * strideC;
        Vector512<float> x0 = default, y0 = default, x1 = default, y1 = default, x2 = default, y2 = default, x3 = default, y3 = default;
        if (add)
        {
            (x0, y0) = (Vector512.Load(c), Vector512.Load(c + 16));
            (x1, y1) = (Vector512.Load(c1), Vector512.Load(c1 + 16));
            (x2, y2) = (Vector512.Load(c2), Vector512.Load(c2 + 16));
            (x3, y3) = (Vector512.Load(c3), Vector512.Load(c3 + 16));
        }

        for (nint i = 0; i < inner; i++, b += strideB)
        {
            Vector512<float> b0 = Vector512.Load(b), b1 = Vector512.Load(b + 16), s;
            s = Vector512.Create(a[i]);
            (x0, y0) = (Vector512.FusedMultiplyAdd(s, b0, x0), Vector512.FusedMultiplyAdd(s, b1, y0));
            s = Vector512.Create(a1[i]);
            (x1, y1) = (Vector512.FusedMultiplyAdd(s, b0, x1), Vector512.FusedMultiplyAdd(s, b1, y1));
            s = Vector512.Create(a2[i]);
            (x2, y2) = (Vector512.FusedMultiplyAdd(s, b0, x2), Vector512.FusedMultiplyAdd(s, b1, y2));
            s = Vector512.Create(a3[i]);
            (x3, y3) = (Vector512.FusedMultiplyAdd(s, b0, x3), Vector512.FusedMultiplyAdd(s, b1, y3));
        }

        x0.Store(c);
        y0.Store(c + 16);
        x1.Store(c1);
        y1.Store(c1 + 16);
        x2.Store(c2);
        y2.Store(c2 + 16);
        x3.Store(c3);
        y3.Store(c3 + 16);
    }

    // One row left over.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Wide1(float* a, float* b, nint strideB, int inner, float* c, bool add)
    {
        Vector512<float> x0 = default, y0 = default;
        if (add)
        {
            (x0, y0) = (Vector512.Load(c), Vector512.Load(c + 16));
        }

        for (nint i = 0; i < inner; i++, b += strideB)
        {
            Vector512<float> b0 = Vector512.Load(b), b1 = Vector512.Load(b + 16), s;
            s = Vector512.Create(a[i]);
            (x0, y0) = (Vector512.FusedMultiplyAdd(s, b0, x0), Vector512.FusedMultiplyAdd(s, b1, y0));
        }

        x0.Store(c);
        y0.Store(c + 16);
    }

    // 4 x 16: 8 accumulators, 2 columns, 1 broadcast of 16 registers. Missing rows as above.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Narrow4(float* a, nint strideA, int rows, float* b, nint strideB, int inner, float* c, nint strideC, bool add)
    {
        nint r1 = Math.Min(1, rows - 1), r2 = Math.Min(2, rows - 1), r3 = Math.Min(3, rows - 1);
        float* a1 = a + r1 * strideA, a2 = a + r2 * strideA, a3 = a + r3 * strideA;
        float* c1 = c + r1 * strideC, c2 = c + r2 * strideC, c3 = c + r3 * strideC;
        Vector256<float> x0 = default, y0 = default, x1 = default, y1 = default, x2 = default, y2 = default, x3 = default, y3 = default;
        if (add)
        {
            (x0, y0) = (Vector256.Load(c), Vector256.Load(c + 8));
            (x1, y1) = (Vector256.Load(c1), Vector256.Load(c1 + 8));
            (x2, y2) = (Vector256.Load(c2), Vector256.Load(c2 + 8));
            (x3, y3) = (Vector256.Load(c3), Vector256.Load(c3 + 8));
        }

        for (nint i = 0; i < inner; i++, b += strideB)
        {
            Vector256<float> b0 = Vector256.Load(b), b1 = Vector256.Load(b + 8), s;
            s = Vector256.Create(a[i]);
            (x0, y0) = (Vector256.FusedMultiplyAdd(s, b0, x0), Vector256.FusedMultiplyAdd(s, b1, y0));
            s = Vector256.Create(a1[i]);
            (x1, y1) = (Vector256.FusedMultiplyAdd(s, b0, x1), Vector256.FusedMultiplyAdd(s, b1, y1));
            s = Vector256.Create(a2[i]);
            (x2, y2) = (Vector256.FusedMultiplyAdd(s, b0, x2), Vector256.FusedMultiplyAdd(s, b1, y2));
            s = Vector256.Create(a3[i]);
            (x3, y3) = (Vector256.FusedMultiplyAdd(s, b0, x3), Vector256.FusedMultiplyAdd(s, b1, y3));
        }

        x0.Store(c);
        y0.Store(c + 8);
        x1.Store(c1);
        y1.Store(c1 + 8);
        x2.Store(c2);
        y2.Store(c2 + 8);
        x3.Store(c3);
        y3.Store(c3 + 8);
    }

    // One row left over.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Narrow1(float* a, float* b, nint strideB, int inner, float* c, bool add)
    {
        Vector256<float> x0 = default, y0 = default, z0 = default, w0 = default;
        if (add)
        {
            (x0, y0, z0, w0) = (Vector256.Load(c), Vector256.Load(c + 8), Vector256.Load(c + 16), Vector256.Load(c + 24));
        }

        for (nint i = 0; i < inner; i++, b += strideB)
        {
            Vector256<float> b0 = Vector256.Load(b), b1 = Vector256.Load(b + 8), b2 = Vector256.Load(b + 16), b3 = Vector256.Load(b + 24), s;
            s = Vector256.Create(a[i]);
            (x0, y0, z0, w0) = (Vector256.FusedMultiplyAdd(s, b0, x0), Vector256.FusedMultiplyAdd(s, b1, y0), Vector256.FusedMultiplyAdd(s, b2, z0), Vector256.FusedMultiplyAdd(s, b3, w0));
        }

        x0.Store(c);
        y0.Store(c + 8);
        z0.Store(c + 16);
        w0.Store(c + 24);
    }
}
