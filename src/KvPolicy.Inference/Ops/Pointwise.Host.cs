using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using KvPolicy.Inference.Models;
using KvPolicy.Inference.Ops.Weights;

namespace KvPolicy.Inference.Ops;

/// <summary>Rows to look up.</summary>
internal readonly unsafe struct EmbedWork(WeightRows table, int* ids, float* x, int columns) : IWork
{
    /// <inheritdoc/>
    public void Run(int item, int worker) => table.Unpack(ids[item], x + (long)item * columns);
}

/// <summary>RMS norm of rows.</summary>
internal readonly unsafe struct RmsNormWork(float* x, float* weight, float epsilon, float* y, int columns) : IWork
{
    /// <inheritdoc/>
    public void Run(int item, int worker) => Normalize(x + (long)item * columns, weight, epsilon, y + (long)item * columns, columns);

    /// <summary>y = x / sqrt(mean(x^2) + epsilon) * weight; y may be x.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Normalize(float* x, float* weight, float epsilon, float* y, int columns)
    {
        Vector256<float> a = default, b = default;
        int i = 0;
        for (; i + 16 <= columns; i += 16)
        {
            Vector256<float> first = Vector256.Load(x + i), second = Vector256.Load(x + i + 8);
            a = Vector256.FusedMultiplyAdd(first, first, a);
            b = Vector256.FusedMultiplyAdd(second, second, b);
        }

        float sum = Vector256.Sum(a + b);
        for (; i < columns; i++) sum += x[i] * x[i];
        float scale = 1f / MathF.Sqrt(sum / columns + epsilon);
        for (i = 0; i + 8 <= columns; i += 8) (Vector256.Load(x + i) * Vector256.Create(scale) * Vector256.Load(weight + i)).Store(y + i);
        for (; i < columns; i++) y[i] = x[i] * scale * weight[i];
    }
}

/// <summary>RMS norm of each head of q and k in a row.</summary>
internal readonly unsafe struct HeadNormWork(float* qkv, HeadShape heads, float* queryWeight, float* keyWeight, float epsilon) : IWork
{
    /// <inheritdoc/>
    public void Run(int item, int worker)
    {
        float* row = qkv + (long)item * heads.RowSize;
        for (int h = 0; h < heads.QueryHeads + heads.KvHeads; h++)
        {
            float* head = row + h * heads.HeadDim;
            RmsNormWork.Normalize(head, h < heads.QueryHeads ? queryWeight : keyWeight, epsilon, head, heads.HeadDim);
        }
    }
}

/// <summary>Rotary positions of a row's q and k.</summary>
internal readonly unsafe struct RopeWork(float* qkv, HeadShape heads, float* table, RopePairing pairing, int firstPosition) : IWork
{
    /// <inheritdoc/>
    public void Run(int item, int worker)
    {
        float* row = qkv + (long)item * heads.RowSize;
        float* angles = table + (long)(firstPosition + item) * heads.HeadDim;
        for (int h = 0; h < heads.QueryHeads + heads.KvHeads; h++, row += heads.HeadDim)
        {
            if (pairing == RopePairing.Halves) Halves(row, angles);
            else Neighbours(row, angles);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Halves(float* x, float* angles)
    {
        int half = heads.HeadDim / 2;
        for (int i = 0; i < half; i++)
        {
            float a = x[i], b = x[i + half], cos = angles[2 * i], sin = angles[2 * i + 1];
            x[i] = a * cos - b * sin;
            x[i + half] = b * cos + a * sin;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Neighbours(float* x, float* angles)
    {
        for (int i = 0; i < heads.HeadDim; i += 2)
        {
            float a = x[i], b = x[i + 1], cos = angles[i], sin = angles[i + 1];
            x[i] = a * cos - b * sin;
            x[i + 1] = b * cos + a * sin;
        }
    }
}

/// <summary>silu(gate) * up of rows.</summary>
internal readonly unsafe struct SwiGluWork(float* gateUp, float* y, int columns) : IWork
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run(int item, int worker)
    {
        float* gate = gateUp + 2L * item * columns;
        float* up = gate + columns;
        float* target = y + (long)item * columns;
        int i = 0;
        for (; i + 8 <= columns; i += 8)
        {
            Vector256<float> g = Vector256.Load(gate + i);
            (g / (Vector256<float>.One + VectorMath.Exp(-g)) * Vector256.Load(up + i)).Store(target + i);
        }

        for (; i < columns; i++) target[i] = gate[i] / (1f + VectorMath.Exp(-gate[i])) * up[i];
    }
}
