using ILGPU;
using ILGPU.Runtime;

namespace KvPolicy.Inference.Ops;

/// <summary>A matrix in device memory.</summary>
internal sealed class GpuMatrix : DeviceMatrix
{
    private readonly MemoryBuffer1D<float, Stride1D.Dense> _buffer;

    /// <summary>A zeroed matrix.</summary>
    internal GpuMatrix(Accelerator accelerator, int rows, int columns) : base(rows, columns)
    {
        _buffer = accelerator.Allocate1D<float>(Math.Max(1L, (long)rows * columns));
        _buffer.MemSetToZero(accelerator.DefaultStream);
    }

    /// <summary>A matrix that holds <paramref name="values"/>, row-major.</summary>
    internal GpuMatrix(Accelerator accelerator, int rows, int columns, float[] values) : base(rows, columns) => _buffer = accelerator.Allocate1D(values);

    /// <summary>All numbers.</summary>
    internal ArrayView<float> View => _buffer.View.AsContiguous();

    /// <summary>The numbers of some rows.</summary>
    internal static ArrayView<float> Of(MatrixRows rows)
        => ((GpuMatrix)rows.Matrix).View.SubView((long)rows.First * rows.Matrix.Columns, (long)rows.Count * rows.Matrix.Columns);

    /// <inheritdoc/>
    public override void Dispose() => _buffer.Dispose();
}
