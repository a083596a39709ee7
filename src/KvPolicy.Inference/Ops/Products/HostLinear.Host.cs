using System.Runtime.InteropServices;
using KvPolicy.Inference.Models;
using KvPolicy.Inference.Ops.Weights;

namespace KvPolicy.Inference.Ops.Products;

/// <summary>One of the stacked matrices.</summary>
/// <param name="Rows">[outputs, inputs], mapped.</param>
/// <param name="Outputs">Rows of it.</param>
/// <param name="FirstOutput">Where its outputs begin in y.</param>
/// <param name="Bias">[outputs], or null.</param>
internal sealed record HostLinearPart(WeightRows Rows, int Outputs, int FirstOutput, HostMatrix? Bias);

/// <summary>Stacked matrices over one input, read where they are mapped.</summary>
internal sealed class HostLinear : Linear
{
    /// <summary>Stacks matrices; biases are copied.</summary>
    internal HostLinear(IReadOnlyList<ModelTensor> matrices, IReadOnlyList<ModelTensor?> biases)
        : base(matrices.Sum(m => m.Rows), matrices[0].Columns)
    {
        Parts = new HostLinearPart[matrices.Count];
        for (int i = 0, first = 0; i < Parts.Length; first += matrices[i++].Rows)
        {
            if (matrices[i].Columns != Inputs) throw new ArgumentException($"{matrices[i].Name} has {matrices[i].Columns} inputs, {matrices[0].Name} {Inputs}.", nameof(matrices));
            HostMatrix? bias = biases.Count > i && biases[i] is { } tensor ? HostVector.Of(tensor) : null;
            Parts[i] = new HostLinearPart(WeightRows.Of(matrices[i]), matrices[i].Rows, first, bias);
        }

        WeightBytes = matrices.Sum(m => m.Bytes);
    }

    /// <summary>In the order of their outputs.</summary>
    internal HostLinearPart[] Parts { get; }

    /// <summary>Bytes that a product with one row reads.</summary>
    internal long WeightBytes { get; }

    /// <inheritdoc/>
    public override void Dispose()
    {
        foreach (HostLinearPart part in Parts) part.Bias?.Dispose();
    }
}

/// <summary>Vectors of a model in f32.</summary>
internal static unsafe class HostVector
{
    /// <summary>[1, columns], whatever the storage.</summary>
    internal static HostMatrix Of(ModelTensor tensor)
    {
        // A vector is one row, or as many rows of one (a norm or bias written as a column).
        int length = tensor.Rows * tensor.Columns;
        var vector = new HostMatrix(1, length);
        WeightRows rows = WeightRows.Of(tensor);
        for (int r = 0; r < tensor.Rows; r++) rows.Unpack(r, vector.Data + (long)r * tensor.Columns);
        return vector;
    }
}

/// <summary>An embedding read where it is mapped.</summary>
internal sealed class HostEmbedding(ModelTensor table) : Embedding
{
    /// <summary>[vocabulary, hidden]</summary>
    internal WeightRows Rows { get; } = WeightRows.Of(table);

    /// <summary>vocabulary</summary>
    internal int Count { get; } = table.Rows;

    /// <inheritdoc/>
    public override void Dispose() { }
}

/// <summary>Memory that each worker has to itself, grown when a larger product comes.</summary>
internal sealed unsafe class WorkerScratch(int workers) : IDisposable
{
    private readonly nint[] _memory = new nint[workers];
    private readonly long[] _floats = new long[workers];

    /// <summary>At least so many floats for a worker, aligned to a cache line; what they held before is gone where they grew.</summary>
    public float* Of(int worker, long floats)
    {
        if (_floats[worker] < floats)
        {
            NativeMemory.AlignedFree((void*)_memory[worker]);
            _memory[worker] = (nint)NativeMemory.AlignedAlloc((nuint)floats * sizeof(float), 64);
            _floats[worker] = floats;
        }

        return (float*)_memory[worker];
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (nint memory in _memory) NativeMemory.AlignedFree((void*)memory);
        Array.Clear(_memory);
        Array.Clear(_floats);
    }
}
