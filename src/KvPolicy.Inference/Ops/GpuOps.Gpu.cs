using ILGPU;
using ILGPU.Runtime;
using KvPolicy.Gpu;
using KvPolicy.Inference.Models;
using KvPolicy.Inference.Ops.Attention;
using KvPolicy.Inference.Ops.Products;

namespace KvPolicy.Inference.Ops;

/// <summary>The operations as ILGPU kernels on one accelerator, CUDA's, OpenCL's or the simulator: launches in order on its default stream.</summary>
internal sealed class GpuOps : IEngineOps
{
    private const int PointwiseGroup = 128;

    private readonly Context _context;
    private readonly Accelerator _accelerator;
    private readonly EngineKernels _kernels;
    private readonly PolicyKernels _policyKernels;
    private readonly Dictionary<ModelTensor, GpuWeights> _shareable = [];
    private MemoryBuffer1D<int, Stride1D.Dense> _ids;
    private float[] _read = [];

    /// <summary>Ops of an accelerator; both arguments are disposed with them.</summary>
    /// <param name="device">Name for the receipt.</param>
    /// <param name="context">Context that the accelerator belongs to.</param>
    /// <param name="accelerator">The accelerator.</param>
    internal GpuOps(string device, Context context, Accelerator accelerator)
    {
        (Device, _context, _accelerator) = (device, context, accelerator);
        (_kernels, _policyKernels) = (new EngineKernels(accelerator), new PolicyKernels(accelerator));
        _ids = accelerator.Allocate1D<int>(1);
    }

    /// <inheritdoc/>
    public string Device { get; }

    private AcceleratorStream Stream => _accelerator.DefaultStream;

    /// <inheritdoc/>
    public DeviceMatrix CreateMatrix(int rows, int columns) => new GpuMatrix(_accelerator, rows, columns);

    /// <inheritdoc/>
    public DeviceMatrix CreateMatrix(RopeTable table) => new GpuMatrix(_accelerator, table.Positions, table.HeadDim, table.Values);

    /// <inheritdoc/>
    public Linear Prepare(IReadOnlyList<ModelTensor> matrices, IReadOnlyList<ModelTensor?> biases)
    {
        int outputs = matrices.Sum(matrix => matrix.Rows), inputs = matrices[0].Columns;
        bool shared = matrices.Count == 1 && _shareable.ContainsKey(matrices[0]);
        GpuWeights weights = shared ? _shareable[matrices[0]].Share() : new GpuWeights(_accelerator, matrices);
        return new GpuLinear(_accelerator, weights, outputs, inputs, BiasOf(matrices, biases));
    }

    /// <inheritdoc/>
    public DeviceMatrix PrepareVector(ModelTensor vector)
    {
        float[] values = Dequantizer.All(vector);
        return new GpuMatrix(_accelerator, 1, values.Length, values);
    }

    /// <inheritdoc/>
    public Embedding PrepareEmbedding(ModelTensor table)
    {
        var weights = new GpuWeights(_accelerator, [table]);
        _shareable[table] = weights;
        return new GpuEmbedding(weights, table.Rows, table.Columns);
    }

    /// <inheritdoc/>
    public SequenceStore CreateStore(StoreRequest request) => new GpuSequenceStore(request, _accelerator, _kernels, _policyKernels);

    /// <inheritdoc/>
    public void Embed(Embedding table, ReadOnlySpan<int> ids, MatrixRows x)
    {
        var device = (GpuEmbedding)table;
        foreach (int id in ids)
        {
            if ((uint)id >= (uint)device.Count) throw new ArgumentOutOfRangeException(nameof(ids), id, $"Token ids go from 0 to {device.Count - 1}.");
        }

        if (_ids.Length < ids.Length)
        {
            _ids.Dispose();
            _ids = _accelerator.Allocate1D<int>(ids.Length);
        }

        _ids.View.SubView(0, ids.Length).CopyFromCPU(Stream, ids.ToArray());
        var arguments = new EmbedArguments { Table = device.Table, Ids = _ids.View.AsContiguous(), X = GpuMatrix.Of(x), Columns = device.Columns };
        _kernels.Embed.Launch(Stream, (Groups(device.Columns, PointwiseGroup), ids.Length), arguments);
    }

    /// <inheritdoc/>
    public void RmsNorm(MatrixRows x, DeviceMatrix weight, float epsilon, MatrixRows y)
        => _kernels.RmsNorm.Launch(Stream, (x.Count, 1), new RmsNormArguments
        {
            X = GpuMatrix.Of(x),
            Weight = ((GpuMatrix)weight).View,
            Y = GpuMatrix.Of(y),
            Columns = x.Matrix.Columns,
            Epsilon = epsilon,
        });

    /// <inheritdoc/>
    public void Multiply(Linear weights, MatrixRows x, MatrixRows y, bool add, Phase phase)
    {
        var device = (GpuLinear)weights;
        if (x.Matrix.Columns != device.Inputs || y.Matrix.Columns != device.Outputs || x.Count != y.Count)
            throw new ArgumentException($"[{y.Count}, {y.Matrix.Columns}] = [{x.Count}, {x.Matrix.Columns}] x [{device.Outputs}, {device.Inputs}] does not fit.", nameof(y));
        var arguments = new ProductArguments
        {
            Weights = device.Weights,
            Bias = device.Bias,
            X = GpuMatrix.Of(x),
            Y = GpuMatrix.Of(y),
            Rows = x.Count,
            Inputs = device.Inputs,
            Outputs = device.Outputs,
            Add = add ? 1 : 0,
            HasBias = device.HasBias ? 1 : 0,
        };
        if (phase == Phase.Prefill)
        {
            _kernels.Tiled.Launch(Stream, (Groups(device.Outputs, ProductsGpu.TileOutputs), Groups(x.Count, ProductsGpu.TileRows)), arguments);
            return;
        }

        for (int r = 0; r < x.Count; r++)
        {
            arguments.X = GpuMatrix.Of(x with { First = x.First + r, Count = 1 });
            arguments.Y = GpuMatrix.Of(y with { First = y.First + r, Count = 1 });
            _kernels.MatVec.Launch(Stream, (Groups(device.Outputs, ProductsGpu.Block), 1), arguments with { Rows = 1 });
        }
    }

    /// <inheritdoc/>
    public void HeadNorm(MatrixRows qkv, HeadShape heads, DeviceMatrix queryWeight, DeviceMatrix keyWeight, float epsilon)
        => _kernels.HeadNorm.Launch(Stream, (heads.QueryHeads + heads.KvHeads, qkv.Count), HeadsOf(qkv, heads) with
        {
            QueryWeight = ((GpuMatrix)queryWeight).View,
            KeyWeight = ((GpuMatrix)keyWeight).View,
            Epsilon = epsilon,
        });

    /// <inheritdoc/>
    public void Rope(MatrixRows qkv, HeadShape heads, DeviceMatrix table, RopePairing pairing, int firstPosition)
    {
        int pairs = (heads.QueryHeads + heads.KvHeads) * heads.HeadDim / 2;
        _kernels.Rope.Launch(Stream, (Groups(pairs, PointwiseGroup), qkv.Count), HeadsOf(qkv, heads) with
        {
            Table = ((GpuMatrix)table).View,
            FirstPosition = firstPosition,
            Neighbours = pairing == RopePairing.Neighbours ? 1 : 0,
        });
    }

    /// <inheritdoc/>
    public void SwiGlu(MatrixRows gateUp, MatrixRows y)
        => _kernels.SwiGlu.Launch(Stream, (Groups(y.Matrix.Columns, PointwiseGroup), y.Count), new SwiGluArguments
        {
            GateUp = GpuMatrix.Of(gateUp),
            Y = GpuMatrix.Of(y),
            Columns = y.Matrix.Columns,
        });

    /// <inheritdoc/>
    public ReadOnlySpan<float> Read(MatrixRows x)
    {
        int count = x.Count * x.Matrix.Columns;
        if (_read.Length < count) _read = new float[count];
        GpuMatrix.Of(x).CopyToCPU(Stream, _read.AsSpan(0, count));
        Stream.Synchronize();
        return _read.AsSpan(0, count);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _ids.Dispose();
        _accelerator.Dispose();
        _context.Dispose();
    }

    /// <summary>Groups of <paramref name="size"/> that cover <paramref name="count"/>.</summary>
    internal static int Groups(int count, int size) => (count + size - 1) / size;

    private static HeadArguments HeadsOf(MatrixRows qkv, HeadShape heads)
    {
        ArrayView<float> view = GpuMatrix.Of(qkv);
        return new HeadArguments
        {
            Qkv = view,
            // Kernels that do not read a view still get one of memory that exists.
            QueryWeight = view,
            KeyWeight = view,
            Table = view,
            RowSize = heads.RowSize,
            Rows = qkv.Count,
            QueryHeads = heads.QueryHeads,
            Heads = heads.QueryHeads + heads.KvHeads,
            HeadDim = heads.HeadDim,
        };
    }

    private static float[]? BiasOf(IReadOnlyList<ModelTensor> matrices, IReadOnlyList<ModelTensor?> biases)
    {
        if (biases.All(bias => bias is null)) return null;
        return [.. matrices.Zip(biases, (matrix, bias) => bias is null ? new float[matrix.Rows] : Dequantizer.All(bias)).SelectMany(values => values)];
    }
}
