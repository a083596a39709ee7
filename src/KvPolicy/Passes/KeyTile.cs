using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace KvPolicy;

/// <summary>SIMD leaves over a tile of 32 keys, called by generated host code and by the engine's attention. Reductions run in a fixed order.</summary>
public static class KeyTile
{
    /// <summary>Keys of a tile.</summary>
    public const int Size = LayerView.TileKeys;

    /// <summary>logits[r * 32 + j] = scale * (query r . key j).</summary>
    /// <param name="queries">Row r starts at r * <paramref name="stride"/>: [rows, headDim].</param>
    /// <param name="stride">Floats from a row to the next.</param>
    /// <param name="rows">Rows.</param>
    /// <param name="keys">[headDim, 32]</param>
    /// <param name="scale">Factor.</param>
    /// <param name="logits">[rows, 32]</param>
    public static void Dots(ReadOnlySpan<float> queries, int stride, int rows, ReadOnlySpan<float> keys, float scale, Span<float> logits)
    {
        int dim = keys.Length / Size, r = 0;
        if (Vector512.IsHardwareAccelerated)
        {
            for (; r + 8 <= rows; r += 8) DotEight(queries[(r * stride)..], stride, keys, dim, scale, logits[(r * Size)..]);
        }

        for (; r + 4 <= rows; r += 4) DotFour(queries[(r * stride)..], stride, keys, dim, scale, logits[(r * Size)..]);
        for (; r < rows; r++) DotOne(queries.Slice(r * stride, dim), keys, scale, logits[(r * Size)..]);
    }

    /// <summary>Keys of a tile that a row sees: [from, to). Positions must ascend within the tile.</summary>
    /// <param name="positions">[32]</param>
    /// <param name="count">Held keys of the tile.</param>
    /// <param name="row">Position of the row.</param>
    /// <param name="window">Sliding window, 0 for none.</param>
    /// <param name="from">First visible.</param>
    /// <param name="to">Past the last visible.</param>
    public static void Visible(ReadOnlySpan<int> positions, int count, int row, int window, out int from, out int to)
    {
        (from, to) = (0, count);
        while (to > 0 && positions[to - 1] > row) to--;
        if (window > 0)
        {
            while (from < to && row - positions[from] >= window) from++;
        }
    }

    /// <summary>
    /// mass[j] += sum over rows of exp(logit - lse), where the row sees key j: what the rows' softmax gives each key. The block is summed
    /// on its own first, which keeps long sums accurate.
    /// </summary>
    /// <param name="logits">[rows, 32]</param>
    /// <param name="lse">[rows]</param>
    /// <param name="firstRow">Position of row 0; row r has position firstRow + r.</param>
    /// <param name="positions">[32], ascending over the held keys.</param>
    /// <param name="held">Held keys of the tile.</param>
    /// <param name="window">Sliding window, 0 for none.</param>
    /// <param name="mass">[32]</param>
    public static void AddProbabilities(ReadOnlySpan<float> logits, ReadOnlySpan<float> lse, int firstRow, ReadOnlySpan<int> positions, int held, int window, Span<float> mass)
    {
        bool all = held == Size && positions[Size - 1] <= firstRow && (window == 0 || firstRow + lse.Length - 1 - positions[0] < window);
        for (int j = 0; j < Size; j += Vector256<float>.Count)
        {
            Vector256<float> sum = all ? SumOfRows(logits[j..], lse) : SumOfSeenRows(logits[j..], lse, firstRow, HeldPositions(positions, held, j), window);
            Store(Load(mass, j) + sum, mass, j);
        }
    }

    /// <summary>Narrows a range of rows to those that see some key of a tile.</summary>
    /// <param name="positions">[32], ascending over the held keys.</param>
    /// <param name="held">Held keys of the tile, at least 1.</param>
    /// <param name="firstRow">Position of row 0; row r has position firstRow + r.</param>
    /// <param name="window">Sliding window, 0 for none.</param>
    /// <param name="from">First row.</param>
    /// <param name="to">Past the last row.</param>
    public static void SeeingRows(ReadOnlySpan<int> positions, int held, int firstRow, int window, ref int from, ref int to)
    {
        from = Math.Max(from, positions[0] - firstRow);
        if (window > 0) to = (int)Math.Min(to, (long)positions[held - 1] + window - firstRow);
    }

    /// <summary>sums[j] += values[j].</summary>
    /// <param name="values">[32]</param>
    /// <param name="sums">[32]</param>
    public static void Add(ReadOnlySpan<float> values, Span<float> sums)
    {
        for (int j = 0; j < Size; j += Vector256<float>.Count) Store(Load(sums, j) + Load(values, j), sums, j);
    }

    /// <summary>numbers[j] = <see cref="Draws.Uniform(uint, int)"/> of the stream for indices[j].</summary>
    /// <param name="stream">Result of <see cref="Draws.Stream"/>.</param>
    /// <param name="indices">[32]: positions, or shots.</param>
    /// <param name="numbers">[32]</param>
    public static void Draw(uint stream, ReadOnlySpan<int> indices, Span<float> numbers)
    {
        for (int j = 0; j < Size; j += Vector256<float>.Count) Store(Draws.Uniform(stream, Vector256.Create(indices.Slice(j, Vector256<int>.Count))), numbers, j);
    }

    /// <summary>values[j] *= factor.</summary>
    /// <param name="values">[32]</param>
    /// <param name="factor">Factor.</param>
    public static void Scale(Span<float> values, float factor)
    {
        for (int j = 0; j < Size; j += Vector256<float>.Count) Store(Load(values, j) * Vector256.Create(factor), values, j);
    }

    /// <summary>norms[j] = Euclidean norm of key j.</summary>
    /// <param name="keys">[headDim, 32]</param>
    /// <param name="norms">[32]</param>
    public static void KeyNorms(ReadOnlySpan<float> keys, Span<float> norms)
    {
        for (int j = 0; j < Size; j += Vector256<float>.Count)
        {
            Vector256<float> sum = default;
            for (int c = j; c < keys.Length; c += Size) sum += Load(keys, c) * Load(keys, c);
            Store(Vector256.Sqrt(sum), norms, j);
        }
    }

    /// <summary>norms[j] = Euclidean norm of value j.</summary>
    /// <param name="values">[32, headDim]</param>
    /// <param name="norms">[32]</param>
    public static void ValueNorms(ReadOnlySpan<float> values, Span<float> norms)
    {
        int dim = values.Length / Size;
        for (int j = 0; j < Size; j++)
        {
            ReadOnlySpan<float> value = values.Slice(j * dim, dim);
            norms[j] = MathF.Sqrt(SumOfSquares(value));
        }
    }

    private static Vector256<float> SumOfRows(ReadOnlySpan<float> logits, ReadOnlySpan<float> lse)
    {
        Vector256<float> sum = default;
        for (int r = 0; r < lse.Length; r++) sum += VectorMath.Exp(Load(logits, r * Size) - Vector256.Create(lse[r]));
        return sum;
    }

    private static Vector256<float> SumOfSeenRows(ReadOnlySpan<float> logits, ReadOnlySpan<float> lse, int firstRow, Vector256<int> positions, int window)
    {
        Vector256<float> sum = default;
        Vector256<int> oldest = Vector256.Create(window > 0 ? window : int.MaxValue);
        for (int r = 0; r < lse.Length; r++)
        {
            Vector256<int> age = Vector256.Create(firstRow + r) - positions;
            Vector256<int> seen = Vector256.GreaterThanOrEqual(age, Vector256<int>.Zero) & Vector256.LessThan(age, oldest);
            sum += VectorMath.Exp(Load(logits, r * Size) - Vector256.Create(lse[r])) & seen.AsSingle();
        }

        return sum;
    }

    // Slots that hold no key lie after every row.
    private static Vector256<int> HeldPositions(ReadOnlySpan<int> positions, int held, int first)
    {
        Vector256<int> slots = Vector256<int>.Indices + Vector256.Create(first);
        return Vector256.ConditionalSelect(Vector256.LessThan(slots, Vector256.Create(held)), Vector256.Create(positions.Slice(first, Vector256<int>.Count)), Vector256.Create(int.MaxValue));
    }

    private static float SumOfSquares(ReadOnlySpan<float> values)
    {
        Vector256<float> sum = default;
        int i = 0;
        for (; i + 8 <= values.Length; i += 8) sum += Load(values, i) * Load(values, i);
        float total = Vector256.Sum(sum);
        for (; i < values.Length; i++) total += values[i] * values[i];
        return total;
    }

    private static void DotOne(ReadOnlySpan<float> query, ReadOnlySpan<float> keys, float scale, Span<float> logits)
    {
        Vector256<float> a = default, b = default, c = default, d = default;
        for (int i = 0, k = 0; i < query.Length; i++, k += Size)
        {
            var q = Vector256.Create(query[i]);
            a = Vector256.FusedMultiplyAdd(q, Load(keys, k), a);
            b = Vector256.FusedMultiplyAdd(q, Load(keys, k + 8), b);
            c = Vector256.FusedMultiplyAdd(q, Load(keys, k + 16), c);
            d = Vector256.FusedMultiplyAdd(q, Load(keys, k + 24), d);
        }

        var s = Vector256.Create(scale);
        Store(a * s, logits, 0);
        Store(b * s, logits, 8);
        Store(c * s, logits, 16);
        Store(d * s, logits, 24);
    }

    // Eight queries share each load of the 32 keys: 16 accumulators of the 32 registers. Each lane adds its channels in order, as below.
    private static void DotEight(ReadOnlySpan<float> queries, int stride, ReadOnlySpan<float> keys, int dim, float scale, Span<float> logits)
    {
        Vector512<float> a0 = default, a1 = default, b0 = default, b1 = default, c0 = default, c1 = default, d0 = default, d1 = default;
        Vector512<float> e0 = default, e1 = default, f0 = default, f1 = default, g0 = default, g1 = default, h0 = default, h1 = default;
        ref float query = ref MemoryMarshal.GetReference(queries), key = ref MemoryMarshal.GetReference(keys);
        for (int i = 0; i < dim; i++)
        {
            Vector512<float> k0 = Vector512.LoadUnsafe(ref key, (nuint)(i * Size)), k1 = Vector512.LoadUnsafe(ref key, (nuint)((i * Size) + 16));
            Multiply(Unsafe.Add(ref query, i), k0, k1, ref a0, ref a1);
            Multiply(Unsafe.Add(ref query, stride + i), k0, k1, ref b0, ref b1);
            Multiply(Unsafe.Add(ref query, (2 * stride) + i), k0, k1, ref c0, ref c1);
            Multiply(Unsafe.Add(ref query, (3 * stride) + i), k0, k1, ref d0, ref d1);
            Multiply(Unsafe.Add(ref query, (4 * stride) + i), k0, k1, ref e0, ref e1);
            Multiply(Unsafe.Add(ref query, (5 * stride) + i), k0, k1, ref f0, ref f1);
            Multiply(Unsafe.Add(ref query, (6 * stride) + i), k0, k1, ref g0, ref g1);
            Multiply(Unsafe.Add(ref query, (7 * stride) + i), k0, k1, ref h0, ref h1);
        }

        Vector512<float> s = Vector512.Create(scale);
        StoreRow(a0 * s, a1 * s, logits, 0);
        StoreRow(b0 * s, b1 * s, logits, 1);
        StoreRow(c0 * s, c1 * s, logits, 2);
        StoreRow(d0 * s, d1 * s, logits, 3);
        StoreRow(e0 * s, e1 * s, logits, 4);
        StoreRow(f0 * s, f1 * s, logits, 5);
        StoreRow(g0 * s, g1 * s, logits, 6);
        StoreRow(h0 * s, h1 * s, logits, 7);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Multiply(float query, Vector512<float> k0, Vector512<float> k1, ref Vector512<float> sum0, ref Vector512<float> sum1)
    {
        Vector512<float> q = Vector512.Create(query);
        sum0 = Vector512.FusedMultiplyAdd(q, k0, sum0);
        sum1 = Vector512.FusedMultiplyAdd(q, k1, sum1);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreRow(Vector512<float> first, Vector512<float> second, Span<float> logits, int row)
    {
        first.StoreUnsafe(ref MemoryMarshal.GetReference(logits), (nuint)(row * Size));
        second.StoreUnsafe(ref MemoryMarshal.GetReference(logits), (nuint)((row * Size) + 16));
    }

    // Four queries share each load of 16 keys: 8 accumulators stay in registers.
    private static void DotFour(ReadOnlySpan<float> queries, int stride, ReadOnlySpan<float> keys, int dim, float scale, Span<float> logits)
    {
        var s = Vector256.Create(scale);
        for (int half = 0; half < Size; half += 16)
        {
            Vector256<float> a0 = default, a1 = default, b0 = default, b1 = default, c0 = default, c1 = default, d0 = default, d1 = default;
            for (int i = 0, k = half; i < dim; i++, k += Size)
            {
                Vector256<float> k0 = Load(keys, k), k1 = Load(keys, k + 8);
                var q = Vector256.Create(queries[i]);
                (a0, a1) = (Vector256.FusedMultiplyAdd(q, k0, a0), Vector256.FusedMultiplyAdd(q, k1, a1));
                q = Vector256.Create(queries[stride + i]);
                (b0, b1) = (Vector256.FusedMultiplyAdd(q, k0, b0), Vector256.FusedMultiplyAdd(q, k1, b1));
                q = Vector256.Create(queries[2 * stride + i]);
                (c0, c1) = (Vector256.FusedMultiplyAdd(q, k0, c0), Vector256.FusedMultiplyAdd(q, k1, c1));
                q = Vector256.Create(queries[3 * stride + i]);
                (d0, d1) = (Vector256.FusedMultiplyAdd(q, k0, d0), Vector256.FusedMultiplyAdd(q, k1, d1));
            }

            Span<float> la = logits[half..], lb = logits[(Size + half)..];
            Store(a0 * s, la, 0);
            Store(a1 * s, la, 8);
            Store(b0 * s, lb, 0);
            Store(b1 * s, lb, 8);
            la = logits[(2 * Size + half)..];
            lb = logits[(3 * Size + half)..];
            Store(c0 * s, la, 0);
            Store(c1 * s, la, 8);
            Store(d0 * s, lb, 0);
            Store(d1 * s, lb, 8);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Load(ReadOnlySpan<float> span, int at) => Vector256.LoadUnsafe(ref MemoryMarshal.GetReference(span), (nuint)at);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(Vector256<float> value, Span<float> span, int at) => value.StoreUnsafe(ref MemoryMarshal.GetReference(span), (nuint)at);
}
