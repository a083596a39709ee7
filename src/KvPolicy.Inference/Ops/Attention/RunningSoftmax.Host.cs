using System.Runtime.Intrinsics;

namespace KvPolicy.Inference.Ops.Attention;

/// <summary>Steps of a softmax whose logits come in blocks.</summary>
internal static unsafe class RunningSoftmax
{
    private const int Tile = LayerView.TileKeys;

    /// <summary>Logits become exp(scale * logit - maximum); the total and sums so far are brought to the new maximum first.</summary>
    /// <param name="logits">[count], a multiple of 8; -infinity for keys that the row does not see.</param>
    /// <param name="count">Keys.</param>
    /// <param name="scale">Positive.</param>
    /// <param name="maximum">Of the scaled logits so far.</param>
    /// <param name="total">Of the exponentials so far.</param>
    /// <param name="sums">[dim] weighted values so far.</param>
    /// <param name="dim">Channels.</param>
    public static void Step(float* logits, int count, float scale, ref float maximum, ref float total, float* sums, int dim)
    {
        float highest = Math.Max(maximum, Maximum(logits, count) * scale);
        if (float.IsNegativeInfinity(highest))
        {
            // Nothing is visible yet.
            new Span<float>(logits, count).Clear();
            return;
        }

        if (highest > maximum)
        {
            float shrink = VectorMath.Exp(maximum - highest);
            maximum = highest;
            total *= shrink;
            for (int c = 0; c < dim; c++) sums[c] *= shrink;
        }

        total += Exponentials(logits, count, scale, highest);
    }

    /// <summary>Greatest of the logits.</summary>
    public static float Maximum(float* logits, int count)
    {
        Vector256<float> a = Vector256.Load(logits), b = a;
        int i = 8;
        for (; i + 16 <= count; i += 16)
        {
            a = Vector256.MaxNative(a, Vector256.Load(logits + i));
            b = Vector256.MaxNative(b, Vector256.Load(logits + i + 8));
        }

        for (; i < count; i += 8) a = Vector256.MaxNative(a, Vector256.Load(logits + i));
        a = Vector256.MaxNative(a, b);
        float highest = a[0];
        for (int lane = 1; lane < 8; lane++) highest = Math.Max(highest, a[lane]);
        return highest;
    }

    /// <summary>logits[i] = exp(scale * logits[i] - maximum).</summary>
    /// <returns>Their sum.</returns>
    public static float Exponentials(float* logits, int count, float scale, float maximum)
    {
        Vector256<float> s = Vector256.Create(scale), m = Vector256.Create(maximum), sum = default;
        for (int i = 0; i < count; i += 8)
        {
            Vector256<float> p = VectorMath.Exp(Vector256.Load(logits + i) * s - m);
            p.Store(logits + i);
            sum += p;
        }

        return Vector256.Sum(sum);
    }

    /// <summary>-infinity for the keys of a tile that a row does not see.</summary>
    /// <param name="logits">[32]</param>
    /// <param name="positions">[32]</param>
    /// <param name="count">Held keys of the tile.</param>
    /// <param name="row">Position of the row.</param>
    /// <param name="window">Sliding window, 0 for none.</param>
    public static void MaskTile(float* logits, int* positions, int count, int row, int window)
    {
        var hidden = Vector256.Create(float.NegativeInfinity);
        Vector256<int> newest = Vector256.Create(row), oldest = Vector256.Create(window > 0 ? row - window + 1 : int.MinValue), lanes = Vector256<int>.Indices;
        for (int j = 0; j < Tile; j += 8)
        {
            Vector256<int> p = Vector256.Load(positions + j);
            Vector256<int> sees = Vector256.LessThanOrEqual(p, newest) & Vector256.GreaterThanOrEqual(p, oldest) & Vector256.LessThan(lanes + Vector256.Create(j), Vector256.Create(count));
            Vector256.ConditionalSelect(sees.AsSingle(), Vector256.Load(logits + j), hidden).Store(logits + j);
        }
    }
}
