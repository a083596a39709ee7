using System.Diagnostics;
using ILGPU;
using ILGPU.Runtime;
using KvPolicy.Gpu;
using KvPolicy.Inference.Ops.Attention;

namespace KvPolicy.Inference.Ops;

/// <summary>Keys, values, observed queries and policy of one sequence in device memory.</summary>
internal sealed class GpuSequenceStore : SequenceStore
{
    private readonly StoreRequest _request;
    private readonly HeadShape _heads;
    private readonly Accelerator _accelerator;
    private readonly EngineKernels _kernels;
    private readonly GpuKvCache _cache;
    private readonly GpuCompression? _compression;
    private readonly MemoryBuffer1D<float, Stride1D.Dense> _probabilities;  // [queryHeads, score stride]
    private readonly MemoryBuffer1D<float, Stride1D.Dense> _partSums;       // [parts, queryHeads, headDim]
    private readonly MemoryBuffer1D<float, Stride1D.Dense> _partTotals;     // [parts, queryHeads, 2]
    private MemoryBuffer1D<float, Stride1D.Dense> _queries;                 // [observed rows, queryHeads * headDim]
    private MemoryBuffer1D<float, Stride1D.Dense> _logSumExp;               // [queryHeads, observed rows]
    private int _firstObserved;                                             // position of observed row 0
    private int _observed;
    private int _length;
    private long _stagingBytes;
    private long _compressTicks;

    /// <summary>An empty store.</summary>
    /// <exception cref="DeviceException">Heads of more channels than the attention kernels hold.</exception>
    internal GpuSequenceStore(StoreRequest request, Accelerator accelerator, EngineKernels kernels, PolicyKernels policyKernels)
    {
        Models.ModelConfig config = request.Config;
        if (config.HeadDim > PrefillAttentionGpu.MaxHeadDim)
            throw new DeviceException($"heads of {config.HeadDim} channels are too wide for the GPU kernels, which hold {PrefillAttentionGpu.MaxHeadDim}; use --device cpu");
        (_request, _accelerator, _kernels) = (request, accelerator, kernels);
        _heads = new HeadShape(config.QueryHeads, config.KvHeads, config.HeadDim);
        _cache = new GpuKvCache(accelerator, new KvShape(config.Layers, config.QueryHeads, config.KvHeads, config.HeadDim), request.Capacity, request.Policy?.Plan.HasState ?? false);
        _compression = request.Policy is null ? null : new GpuCompression(request.Policy, _cache, request.Prompt, policyKernels);
        int parts = GpuOps.Groups(request.Capacity, DecodeAttentionGpu.PartKeys);
        _probabilities = accelerator.Allocate1D<float>(WantsProbabilities ? (long)config.QueryHeads * _cache.ScoreStride : 1);
        _partSums = accelerator.Allocate1D<float>((long)parts * _heads.QuerySize);
        _partTotals = accelerator.Allocate1D<float>((long)parts * config.QueryHeads * 2);
        (_queries, _logSumExp) = (accelerator.Allocate1D<float>(1), accelerator.Allocate1D<float>(1));
    }

    /// <inheritdoc/>
    public override long BytesInUse => _cache.BytesInUse;

    /// <inheritdoc/>
    public override long PeakBytes => _cache.PeakBytes + _stagingBytes;

    /// <inheritdoc/>
    public override double CompressSeconds => (double)_compressTicks / Stopwatch.Frequency;

    /// <inheritdoc/>
    public override IReadOnlyList<KernelCount> Kernels => _compression?.Kernels ?? [];

    /// <inheritdoc/>
    public override IReadOnlyList<string> Notes => _compression?.Notes ?? [];

    private AcceleratorStream Stream => _accelerator.DefaultStream;

    private bool WantsProbabilities => _compression is { Decodes: true, ReadsDecodeAttention: true };

    /// <inheritdoc/>
    public override int Held(int layer, int kvHead) => _cache.Held(layer, kvHead);

    /// <inheritdoc/>
    public override int[] Positions(int layer, int kvHead) => _cache.Positions(layer, kvHead);

    /// <inheritdoc/>
    public override void Append(int layer, MatrixRows qkv, int firstPosition)
    {
        // k and v of the rows wait in qkv: they count as staging.
        _stagingBytes = Math.Max(_stagingBytes, 2L * qkv.Count * _heads.KeySize * sizeof(float));
        _length = firstPosition + qkv.Count;
        _cache.Reserve(layer, qkv.Count);
        var arguments = new AppendArguments
        {
            Layer = _cache.View(layer, _length),
            Qkv = GpuMatrix.Of(qkv),
            RowSize = _heads.RowSize,
            KeyOffset = _heads.QuerySize,
            Rows = qkv.Count,
            FirstPosition = firstPosition,
        };
        if (qkv.Count == 1) _kernels.AppendToken.Launch(Stream, (_heads.KvHeads, 1), arguments);
        else
        {
            _kernels.AppendRows.Launch(Stream, (GpuOps.Groups(qkv.Count, LayerView.TileKeys), _heads.KvHeads), arguments);
            _kernels.Advance.Launch(Stream, (GpuOps.Groups(_heads.KvHeads, 32), 1), arguments);
        }

        for (int head = 0; head < _heads.KvHeads; head++) _cache.SetHeld(layer, head, _cache.Held(layer, head) + qkv.Count);
    }

    /// <inheritdoc/>
    public override void PrefillAttention(int layer, MatrixRows qkv, int firstPosition, MatrixRows output)
    {
        Observe(qkv.Count, firstPosition);
        _kernels.PrefillAttention.Launch(Stream, (GpuOps.Groups(qkv.Count, PrefillAttentionGpu.Rows), _heads.QueryHeads), new PrefillAttentionArguments
        {
            Layer = View(layer),
            Qkv = GpuMatrix.Of(qkv),
            Output = GpuMatrix.Of(output),
            Queries = _queries.View.AsContiguous(),
            LogSumExp = _logSumExp.View.AsContiguous(),
            Rows = qkv.Count,
            RowSize = _heads.RowSize,
            FirstPosition = firstPosition,
            FirstObserved = _firstObserved,
            Observed = _observed,
        });
    }

    /// <inheritdoc/>
    public override void FinishLayer(int layer)
    {
        if (_compression is null) return;
        long start = StartCompressing();
        _compression.PrefillLayer(ObservedView(layer));
        StopCompressing(start);
    }

    /// <inheritdoc/>
    public override void FinishChunk(int layer, bool last)
    {
        if (_compression is null) return;
        long start = StartCompressing();
        _compression.PrefillChunk(ObservedView(layer));
        StopCompressing(start);
    }

    /// <inheritdoc/>
    public override void FinishPrefill()
    {
        long start = StartCompressing();
        _compression?.FinishPrefill(_length);
        StopCompressing(start);
        ResizeObserved(0);
    }

    /// <inheritdoc/>
    public override void DecodeAttention(int layer, MatrixRows qkv, int position, MatrixRows output)
    {
        GpuLayer view = View(layer) with { Probabilities = _probabilities.View.AsContiguous() };
        var arguments = new DecodeAttentionArguments
        {
            Layer = view,
            Qkv = GpuMatrix.Of(qkv),
            Output = GpuMatrix.Of(output),
            Probabilities = view.Probabilities,
            PartSums = _partSums.View.AsContiguous(),
            PartTotals = _partTotals.View.AsContiguous(),
            Parts = GpuOps.Groups(view.MaxHeld, DecodeAttentionGpu.PartKeys),
            Position = position,
            WantsProbabilities = WantsProbabilities ? 1 : 0,
        };
        _kernels.AttendPart.Launch(Stream, (arguments.Parts, _heads.KvHeads), arguments);
        _kernels.Combine.Launch(Stream, (_heads.QueryHeads, 1), arguments);
        if (_compression is not { Decodes: true }) return;
        // Not waited for: a wait a layer would cost more than the passes. On the simulator launches end before they return.
        long start = Stopwatch.GetTimestamp();
        _compression.DecodeLayer(view);
        _compressTicks += Stopwatch.GetTimestamp() - start;
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        _cache.Dispose();
        _compression?.Dispose();
        _probabilities.Dispose();
        _partSums.Dispose();
        _partTotals.Dispose();
        _queries.Dispose();
        _logSumExp.Dispose();
    }

    // Which rows of the prompt (or chunk) the policy reads; the attention kernel copies them.
    private void Observe(int rows, int firstPosition)
    {
        if (_compression is null) return;
        bool whole = _request.Schedule == PrefillSchedule.LayerMajor;
        int observed = whole ? _request.Prompt.Tokens - _compression.FirstObservedRow : _compression.ObservedRowsOfChunk(rows);
        ResizeObserved(observed);
        _firstObserved = whole ? _compression.FirstObservedRow : firstPosition + rows - observed;
    }

    private void ResizeObserved(int observed)
    {
        if (observed == _observed) return;
        _queries.Dispose();
        _logSumExp.Dispose();
        _queries = _accelerator.Allocate1D<float>(Math.Max(1L, (long)observed * _heads.QuerySize));
        _logSumExp = _accelerator.Allocate1D<float>(Math.Max(1L, (long)observed * _heads.QueryHeads));
        _observed = observed;
    }

    private GpuLayer View(int layer) => _cache.View(layer, _length) with { SlidingWindow = _request.Config.SlidingWindow };

    private GpuLayer ObservedView(int layer) => View(layer) with
    {
        Queries = _queries.View.AsContiguous(),
        LogSumExp = _logSumExp.View.AsContiguous(),
        Rows = _observed,
        FirstRowPosition = _firstObserved,
    };

    private long StartCompressing()
    {
        Stream.Synchronize();
        return Stopwatch.GetTimestamp();
    }

    private void StopCompressing(long start)
    {
        Stream.Synchronize();
        _compressTicks += Stopwatch.GetTimestamp() - start;
    }
}
