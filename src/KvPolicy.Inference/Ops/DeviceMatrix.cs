namespace KvPolicy.Inference.Ops;

/// <summary>f32 numbers [Rows, Columns] on a device, row-major, no gap between rows.</summary>
internal abstract class DeviceMatrix(int rows, int columns) : IDisposable
{
    /// <summary>Rows.</summary>
    public int Rows { get; } = rows;

    /// <summary>Floats of a row.</summary>
    public int Columns { get; } = columns;

    /// <summary>Some of its rows.</summary>
    public MatrixRows Slice(int first, int count)
        => first >= 0 && count >= 0 && first + count <= Rows
            ? new(this, first, count)
            : throw new ArgumentOutOfRangeException(nameof(count), count, $"Rows {first} to {first + count} of {Rows}.");

    /// <inheritdoc/>
    public abstract void Dispose();
}

/// <summary>Consecutive rows of a matrix. Made by <see cref="DeviceMatrix.Slice"/>.</summary>
/// <param name="Matrix">The matrix.</param>
/// <param name="First">First row.</param>
/// <param name="Count">Number of rows.</param>
internal readonly record struct MatrixRows(DeviceMatrix Matrix, int First, int Count);

/// <summary>Weights [Outputs, Inputs] in the form that a device multiplies with.</summary>
internal abstract class Linear(int outputs, int inputs) : IDisposable
{
    /// <summary>Floats of y.</summary>
    public int Outputs { get; } = outputs;

    /// <summary>Floats of x.</summary>
    public int Inputs { get; } = inputs;

    /// <inheritdoc/>
    public abstract void Dispose();
}

/// <summary>Rows [vocabulary, hidden] in the form that a device looks up.</summary>
internal abstract class Embedding : IDisposable
{
    /// <inheritdoc/>
    public abstract void Dispose();
}
