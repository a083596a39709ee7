using System.Runtime.InteropServices;

namespace KvPolicy.Inference.Ops;

/// <summary>A matrix [Rows, Columns] in native memory, aligned to a cache line.</summary>
internal sealed unsafe class HostMatrix : DeviceMatrix
{
    private const int CacheLine = 64;

    /// <summary>All zeros.</summary>
    internal HostMatrix(int rows, int columns)
        : base(rows, columns)
    {
        nuint bytes = (nuint)rows * (nuint)columns * sizeof(float);
        Data = (float*)NativeMemory.AlignedAlloc(Math.Max(bytes, CacheLine), CacheLine);
        NativeMemory.Clear(Data, bytes);
    }

    /// <summary>[Rows, Columns]</summary>
    internal float* Data { get; private set; }

    /// <summary>First float of a row.</summary>
    internal float* Row(int row) => Data + (long)row * Columns;

    /// <summary>First float of rows of a host matrix.</summary>
    internal static float* Start(MatrixRows rows) => ((HostMatrix)rows.Matrix).Row(rows.First);

    /// <inheritdoc/>
    public override void Dispose()
    {
        NativeMemory.AlignedFree(Data);
        Data = null;
    }
}
