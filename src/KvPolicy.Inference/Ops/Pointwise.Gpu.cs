using ILGPU;
using ILGPU.Runtime;
using KvPolicy.Gpu;

namespace KvPolicy.Inference.Ops;

/// <summary>Arguments of <see cref="PointwiseGpu.RmsNorm"/>.</summary>
internal struct RmsNormArguments
{
    /// <summary>[rows, Columns]</summary>
    public ArrayView<float> X;

    /// <summary>[Columns]</summary>
    public ArrayView<float> Weight;

    /// <summary>[rows, Columns]</summary>
    public ArrayView<float> Y;

    /// <summary>Floats of a row.</summary>
    public int Columns;

    /// <summary>Inside the root.</summary>
    public float Epsilon;
}

/// <summary>Arguments of <see cref="PointwiseGpu.HeadNorm"/> and <see cref="PointwiseGpu.Rope"/>: q and k of every row, in place.</summary>
internal struct HeadArguments
{
    /// <summary>q, then k, then v: [Rows, RowSize].</summary>
    public ArrayView<float> Qkv;

    /// <summary>Norm of q's heads: [HeadDim]. Not read by RoPE.</summary>
    public ArrayView<float> QueryWeight;

    /// <summary>Norm of k's heads: [HeadDim]. Not read by RoPE.</summary>
    public ArrayView<float> KeyWeight;

    /// <summary>Cosine and sine of each pair: [positions, HeadDim]. Not read by the norm.</summary>
    public ArrayView<float> Table;

    /// <summary>Floats of a row.</summary>
    public int RowSize;

    /// <summary>Rows.</summary>
    public int Rows;

    /// <summary>Query heads.</summary>
    public int QueryHeads;

    /// <summary>Query and KV heads together.</summary>
    public int Heads;

    /// <summary>Channels of a head.</summary>
    public int HeadDim;

    /// <summary>Position of row 0.</summary>
    public int FirstPosition;

    /// <summary>1 where channels 2i and 2i + 1 turn together; 0 where i and i + HeadDim / 2 do.</summary>
    public int Neighbours;

    /// <summary>Inside the root.</summary>
    public float Epsilon;
}

/// <summary>Arguments of <see cref="PointwiseGpu.SwiGlu"/>.</summary>
internal struct SwiGluArguments
{
    /// <summary>Gate, then up: [rows, 2 * Columns].</summary>
    public ArrayView<float> GateUp;

    /// <summary>[rows, Columns]</summary>
    public ArrayView<float> Y;

    /// <summary>Floats of a row of Y.</summary>
    public int Columns;
}

/// <summary>What is done to rows one by one.</summary>
internal static class PointwiseGpu
{
    private const int GroupSize = 128;

    /// <summary>y = x / sqrt(mean(x^2) + epsilon) * weight.</summary>
    [Kernel(GroupSize, "one group a row; grid (rows, 1)")]
    public static void RmsNorm(RmsNormArguments a)
    {
        ArrayView<float> shared = SharedMemory.Allocate<float>(GroupSum.SharedFloats);
        long row = (long)Grid.IdxX * a.Columns;
        float squares = 0f;
        for (int c = Group.IdxX; c < a.Columns; c += Group.DimX) squares += a.X[row + c] * a.X[row + c];
        float scale = 1f / MathF.Sqrt(GroupSum.Of(squares, shared) / a.Columns + a.Epsilon);
        for (int c = Group.IdxX; c < a.Columns; c += Group.DimX) a.Y[row + c] = a.X[row + c] * scale * a.Weight[c];
    }

    /// <summary>RMS norm over each head of q and of k.</summary>
    [Kernel(32, "one warp a head; grid (query and KV heads, rows)")]
    public static void HeadNorm(HeadArguments a)
    {
        ArrayView<float> shared = SharedMemory.Allocate<float>(GroupSum.SharedFloats);
        long head = (long)Grid.IdxY * a.RowSize + (long)Grid.IdxX * a.HeadDim;
        float squares = 0f;
        for (int c = Group.IdxX; c < a.HeadDim; c += Group.DimX) squares += a.Qkv[head + c] * a.Qkv[head + c];
        float scale = 1f / MathF.Sqrt(GroupSum.Of(squares, shared) / a.HeadDim + a.Epsilon);
        for (int c = Group.IdxX; c < a.HeadDim; c += Group.DimX)
        {
            float weight = Grid.IdxX < a.QueryHeads ? a.QueryWeight[c] : a.KeyWeight[c];
            a.Qkv[head + c] = a.Qkv[head + c] * scale * weight;
        }
    }

    /// <summary>Turns the pairs of q and k by the angles of their position.</summary>
    [Kernel(GroupSize, "one thread a pair of channels; grid (pairs of a row / 128, rows)")]
    public static void Rope(HeadArguments a)
    {
        int half = a.HeadDim / 2, pair = Grid.IdxX * Group.DimX + Group.IdxX;
        if (pair >= a.Heads * half) return;
        int i = pair % half;
        long head = (long)Grid.IdxY * a.RowSize + (long)(pair / half) * a.HeadDim;
        long first = head + (a.Neighbours != 0 ? 2 * i : i), second = a.Neighbours != 0 ? first + 1 : first + half;
        long angle = (long)(a.FirstPosition + Grid.IdxY) * a.HeadDim + 2 * i;
        float cos = a.Table[angle], sin = a.Table[angle + 1], x = a.Qkv[first], y = a.Qkv[second];
        a.Qkv[first] = x * cos - y * sin;
        a.Qkv[second] = x * sin + y * cos;
    }

    /// <summary>y = silu(gate) * up.</summary>
    [Kernel(GroupSize, "one thread a float; grid (columns / 128, rows)")]
    public static void SwiGlu(SwiGluArguments a)
    {
        int c = Grid.IdxX * Group.DimX + Group.IdxX;
        if (c >= a.Columns) return;
        long row = (long)Grid.IdxY * 2 * a.Columns;
        float gate = a.GateUp[row + c], up = a.GateUp[row + a.Columns + c];
        a.Y[(long)Grid.IdxY * a.Columns + c] = gate / (1f + MathF.Exp(-gate)) * up;
    }
}
