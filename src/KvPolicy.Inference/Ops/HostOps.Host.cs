using KvPolicy.Inference.Models;
using KvPolicy.Inference.Ops.Attention;
using KvPolicy.Inference.Ops.Products;

namespace KvPolicy.Inference.Ops;

/// <summary>The operations on the processor: SIMD over a few persistent threads. Thread count never changes a result.</summary>
internal sealed unsafe class HostOps : IEngineOps
{
    // Fewer floats than this in a pointwise operation are done before another thread wakes.
    private const int WorthThreads = 16 << 10;

    private readonly WorkerPool _workers;
    private readonly WorkerScratch _scratch;

    /// <summary>Ops on so many threads; 0 for one a core.</summary>
    internal HostOps(int threads)
    {
        _workers = new WorkerPool(threads);
        _scratch = new WorkerScratch(_workers.Threads);
    }

    /// <inheritdoc/>
    public string Device => "cpu";

    /// <inheritdoc/>
    public bool CanContinue => true;

    /// <inheritdoc/>
    public DeviceMatrix CreateMatrix(int rows, int columns) => new HostMatrix(rows, columns);

    /// <inheritdoc/>
    public DeviceMatrix CreateMatrix(RopeTable table)
    {
        var matrix = new HostMatrix(table.Positions, table.HeadDim);
        table.Values.AsSpan().CopyTo(new Span<float>(matrix.Data, table.Values.Length));
        return matrix;
    }

    /// <inheritdoc/>
    public Linear Prepare(IReadOnlyList<ModelTensor> matrices, IReadOnlyList<ModelTensor?> biases) => new HostLinear(matrices, biases);

    /// <inheritdoc/>
    public DeviceMatrix PrepareVector(ModelTensor vector) => HostVector.Of(vector);

    /// <inheritdoc/>
    public Embedding PrepareEmbedding(ModelTensor table) => new HostEmbedding(table);

    /// <inheritdoc/>
    public SequenceStore CreateStore(StoreRequest request) => new HostSequenceStore(request, _workers);

    /// <inheritdoc/>
    public void Embed(Embedding table, ReadOnlySpan<int> ids, MatrixRows x)
    {
        var host = (HostEmbedding)table;
        foreach (int id in ids)
        {
            if ((uint)id >= (uint)host.Count) throw new ArgumentOutOfRangeException(nameof(ids), id, $"Token ids go from 0 to {host.Count - 1}.");
        }

        fixed (int* first = ids)
        {
            var work = new EmbedWork(host.Rows, first, HostMatrix.Start(x), x.Matrix.Columns);
            Rows(x.Count, x.Matrix.Columns, ref work);
        }
    }

    /// <inheritdoc/>
    public void RmsNorm(MatrixRows x, DeviceMatrix weight, float epsilon, MatrixRows y)
    {
        var work = new RmsNormWork(HostMatrix.Start(x), ((HostMatrix)weight).Data, epsilon, HostMatrix.Start(y), x.Matrix.Columns);
        Rows(x.Count, x.Matrix.Columns, ref work);
    }

    /// <inheritdoc/>
    public void Multiply(Linear weights, MatrixRows x, MatrixRows y, bool add, Phase phase)
    {
        var host = (HostLinear)weights;
        if (x.Matrix.Columns != host.Inputs || y.Matrix.Columns != host.Outputs || x.Count != y.Count)
            throw new ArgumentException($"[{y.Count}, {y.Matrix.Columns}] = [{x.Count}, {x.Matrix.Columns}] x [{host.Outputs}, {host.Inputs}] does not fit.", nameof(y));
        if (phase == Phase.Prefill)
        {
            PackedProductWork.Multiply(host, HostMatrix.Start(x), HostMatrix.Start(y), x.Count, add, _workers, _scratch);
            return;
        }

        for (int r = 0; r < x.Count; r++)
            MatVecWork.Multiply(host, HostMatrix.Start(x) + (long)r * host.Inputs, HostMatrix.Start(y) + (long)r * host.Outputs, add, _workers, _scratch);
    }

    /// <inheritdoc/>
    public void HeadNorm(MatrixRows qkv, HeadShape heads, DeviceMatrix queryWeight, DeviceMatrix keyWeight, float epsilon)
    {
        var work = new HeadNormWork(HostMatrix.Start(qkv), heads, ((HostMatrix)queryWeight).Data, ((HostMatrix)keyWeight).Data, epsilon);
        Rows(qkv.Count, heads.RowSize, ref work);
    }

    /// <inheritdoc/>
    public void Rope(MatrixRows qkv, HeadShape heads, DeviceMatrix table, RopePairing pairing, int firstPosition)
    {
        var work = new RopeWork(HostMatrix.Start(qkv), heads, ((HostMatrix)table).Data, pairing, firstPosition);
        Rows(qkv.Count, heads.RowSize, ref work);
    }

    /// <inheritdoc/>
    public void SwiGlu(MatrixRows gateUp, MatrixRows y)
    {
        var work = new SwiGluWork(HostMatrix.Start(gateUp), HostMatrix.Start(y), y.Matrix.Columns);
        Rows(y.Count, y.Matrix.Columns, ref work);
    }

    /// <inheritdoc/>
    public ReadOnlySpan<float> Read(MatrixRows x) => new(HostMatrix.Start(x), x.Count * x.Matrix.Columns);

    /// <inheritdoc/>
    public void Dispose()
    {
        _workers.Dispose();
        _scratch.Dispose();
    }

    private void Rows<TWork>(int rows, int columns, ref TWork work)
        where TWork : struct, IWork
    {
        if ((long)rows * columns >= WorthThreads)
        {
            _workers.Run(rows, ref work);
            return;
        }

        for (int r = 0; r < rows; r++) work.Run(r, 0);
    }
}
