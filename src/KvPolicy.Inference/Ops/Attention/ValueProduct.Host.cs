using KvPolicy.Inference.Ops.Products;

namespace KvPolicy.Inference.Ops.Attention;

/// <summary>Probabilities times a tile of values.</summary>
internal static unsafe class ValueProduct
{
    /// <summary>sums[r] += sum over the tile's keys of p[r][j] * values[j].</summary>
    /// <param name="p">[rows, 32]</param>
    /// <param name="strideP">Floats from a row to the next.</param>
    /// <param name="rows">Rows.</param>
    /// <param name="values">[32, headDim]</param>
    /// <param name="headDim">Channels.</param>
    /// <param name="sums">[rows, headDim]</param>
    public static void Add(float* p, nint strideP, int rows, float* values, int headDim, float* sums)
    {
        int c = 0;
        for (; c + MicroKernel.Width <= headDim; c += MicroKernel.Width)
            MicroKernel.Multiply(p, strideP, rows, values + c, headDim, LayerView.TileKeys, sums + c, headDim, add: true);
        if (c == headDim) return;
        // Heads whose size is no multiple of 32 exist only in very small models.
        for (int r = 0; r < rows; r++)
        {
            for (int j = 0; j < LayerView.TileKeys; j++)
            {
                float weight = p[r * strideP + j];
                for (int i = c; i < headDim; i++) sums[(long)r * headDim + i] = MathF.FusedMultiplyAdd(weight, values[j * headDim + i], sums[(long)r * headDim + i]);
            }
        }
    }
}
