using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using KvPolicy.Inference.Models;

namespace KvPolicy.Inference.Ops.Weights;

/// <summary>Q8_0 rows: the scale is applied once to a block's sum instead of to each weight.</summary>
internal sealed unsafe class Q80Rows(ModelTensor tensor) : WeightRows<Q80Format>(tensor)
{
    private const int BlockBytes = 34;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Dot(int first, int count, float* prepared, float* y)
    {
        int blocks = Columns / 32;
        for (int r = 0; r < count; r++)
        {
            byte* block = Data + (first + r) * RowBytes;
            float* x = prepared;
            Vector256<float> even = default, odd = default;
            for (int b = 0; b < blocks; b++, block += BlockBytes, x += 32)
            {
                Vector256<float> d = Widen.UpperScales(Vector256.Create(Unsafe.ReadUnaligned<short>(block)).AsInt32());
                Vector256<float> low = Vector256.ConvertToSingle(Widen.SignedBytes(block + 2)) * Vector256.Load(x);
                Vector256<float> high = Vector256.ConvertToSingle(Widen.SignedBytes(block + 10)) * Vector256.Load(x + 8);
                low = Vector256.FusedMultiplyAdd(Vector256.ConvertToSingle(Widen.SignedBytes(block + 18)), Vector256.Load(x + 16), low);
                high = Vector256.FusedMultiplyAdd(Vector256.ConvertToSingle(Widen.SignedBytes(block + 26)), Vector256.Load(x + 24), high);
                even = Vector256.FusedMultiplyAdd(low, d, even);
                odd = Vector256.FusedMultiplyAdd(high, d, odd);
            }

            y[r] = Vector256.Sum(even + odd);
        }
    }
}
