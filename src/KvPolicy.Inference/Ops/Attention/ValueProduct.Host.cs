using KvPolicy.Inference.Ops.Products;

namespace KvPolicy.Inference.Ops.Attention;

/// <summary>Probabilities times values.</summary>
internal static unsafe class ValueProduct
{
    /// <summary>sums[r] += sum over the keys of p[r][j] * values[j].</summary>
    /// <param name="p">[rows, keys]</param>
    /// <param name="strideP">Floats from a row to the next.</param>
    /// <param name="rows">Rows.</param>
    /// <param name="values">[keys, headDim]</param>
    /// <param name="keys">Keys: a tile's, or some of them.</param>
    /// <param name="headDim">Channels.</param>
    /// <param name="sums">[rows, headDim]</param>
    /// <param name="strideSums">Floats from a row of sums to the next.</param>
    public static void Add(float* p, nint strideP, int rows, float* values, int keys, int headDim, float* sums, nint strideSums)
    {
        int c = 0;
        for (; c + MicroKernel.Width <= headDim; c += MicroKernel.Width)
            MicroKernel.Multiply(p, strideP, rows, values + c, headDim, keys, sums + c, strideSums, add: true);
        if (c == headDim) return;
        // Heads whose size is no multiple of 32 exist only in very small models.
        for (int r = 0; r < rows; r++)
        {
            for (int j = 0; j < keys; j++)
            {
                float weight = p[r * strideP + j];
                for (int i = c; i < headDim; i++) sums[r * strideSums + i] = MathF.FusedMultiplyAdd(weight, values[j * headDim + i], sums[r * strideSums + i]);
            }
        }
    }
}
