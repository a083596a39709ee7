using System.Diagnostics;
using System.Runtime.InteropServices;
using KvPolicy.Inference.Ops.Attention;
using KvPolicy.Inference.Ops.Products;

namespace KvPolicy.Inference.Ops;

/// <summary>Keys, values, observed queries and policy of one sequence in native memory.</summary>
internal sealed unsafe class HostSequenceStore : SequenceStore
{
    private readonly StoreRequest _request;
    private readonly HeadShape _heads;
    private readonly WorkerPool _workers;
    private readonly WorkerScratch _scratch;
    private readonly KvCache _cache;
    private readonly List<KernelCount> _earlierKernels = [];
    private SequenceCompressor? _compressor;    // of the turn
    private readonly RecordedRows? _record;
    private int _observeFrom;           // rows of the prefill or turn that the policy reads
    private int _observeTo;
    private bool _continues;            // past the prefill
    private readonly DecodeAttention _decode;
    private HostMatrix? _queries;       // [observed rows, queryHeads * headDim]
    private float* _logSumExp;          // [queryHeads, observed rows]
    private int _firstObserved;         // position of observed row 0
    private int _observed;
    private int _length;
    private long _stagingBytes;
    private long _compressTicks;

    /// <summary>An empty store.</summary>
    internal HostSequenceStore(StoreRequest request, WorkerPool workers)
    {
        (_request, _workers) = (request, workers);
        Models.ModelConfig config = request.Config;
        _heads = new HeadShape(config.QueryHeads, config.KvHeads, config.HeadDim);
        _cache = new KvCache(new KvShape(config.Layers, config.QueryHeads, config.KvHeads, config.HeadDim), request.Capacity, request.Policy?.Plan.HasState ?? false);
        _compressor = request.Policy is null ? null : HostCompression.Create(request.Policy, _cache, request.Prompt, workers);
        if (request.RecordScores && _compressor is not null)
        {
            Scores = new float[config.Layers * config.KvHeads * request.Prompt.Tokens];
            Scores.AsSpan().Fill(float.NaN);
            _compressor.ScoreRecord = Scores;
        }

        if (request.Record) _record = new RecordedRows(config.Layers);
        _observeTo = request.Prompt.Tokens;
        _observeFrom = request.Record ? 0 : _compressor?.FirstObservedRow ?? _observeTo;
        _decode = new DecodeAttention(_heads, config.SlidingWindow, request.Capacity);
        _scratch = new WorkerScratch(workers.Threads);
    }

    /// <inheritdoc/>
    public override float[]? Scores { get; }

    /// <inheritdoc/>
    public override long BytesInUse => _cache.Pool.BytesInUse;

    /// <inheritdoc/>
    public override long PeakBytes => _cache.Pool.PeakBytes + _stagingBytes;

    /// <inheritdoc/>
    public override double CompressSeconds => (double)_compressTicks / Stopwatch.Frequency;

    /// <inheritdoc/>
    public override IReadOnlyList<KernelCount> Kernels
        => [.. _earlierKernels.Concat(_compressor?.Kernels ?? []).GroupBy(kernel => kernel.Name).Select(same => new KernelCount(same.Key, same.Sum(kernel => kernel.Launches)))];

    /// <inheritdoc/>
    public override bool CanContinue => true;

    /// <inheritdoc/>
    public override bool EvictsWhileDecoding => _compressor is { Decodes: true };

    /// <inheritdoc/>
    public override IReadOnlyList<string> Notes => _compressor?.Notes ?? [];

    /// <inheritdoc/>
    public override int Held(int layer, int kvHead) => _cache.Held(layer, kvHead);

    /// <inheritdoc/>
    public override int[] Positions(int layer, int kvHead)
    {
        var positions = new int[_cache.Held(layer, kvHead)];
        _cache.CopyPositions(layer, kvHead, positions);
        return positions;
    }

    /// <inheritdoc/>
    public override void Append(int layer, MatrixRows qkv, int firstPosition)
    {
        // k and v of the rows wait in qkv: they count as staging.
        _stagingBytes = Math.Max(_stagingBytes, 2L * qkv.Count * _heads.KeySize * sizeof(float));
        _length = firstPosition + qkv.Count;
        _cache.Reserve(layer, qkv.Count);
        var work = new AppendWork(_cache, layer, _heads, HostMatrix.Start(qkv), qkv.Count, firstPosition);
        if (qkv.Count > 1)
        {
            _workers.Run(_heads.KvHeads, ref work);
            return;
        }

        for (int h = 0; h < _heads.KvHeads; h++) work.Run(h, 0);
    }

    /// <inheritdoc/>
    public override void PrefillAttention(int layer, MatrixRows qkv, int firstPosition, MatrixRows output)
    {
        int skipped = Observe(qkv, firstPosition);
        var target = new LogSumExpTarget(_logSumExp + (firstPosition + skipped - _firstObserved), _observed, skipped);
        LayerPages pages = new(_cache.View(layer, _length));
        PrefillAttentionWork.Attend(pages, _heads, _request.Config.SlidingWindow, HostMatrix.Start(qkv), firstPosition, qkv.Count, HostMatrix.Start(output), target, _workers, _scratch);
    }

    /// <inheritdoc/>
    public override void FinishLayer(int layer)
    {
        if (_record is not null) KeepRows(layer);
        if (_compressor is null) return;
        long start = Stopwatch.GetTimestamp();
        _compressor.PrefillLayer(ObservedView(layer));
        _compressTicks += Stopwatch.GetTimestamp() - start;
    }

    /// <inheritdoc/>
    public override void FinishChunk(int layer, bool last)
    {
        if (_compressor is null) return;
        long start = Stopwatch.GetTimestamp();
        _compressor.PrefillChunk(ObservedView(layer), last);
        _compressTicks += Stopwatch.GetTimestamp() - start;
    }

    /// <inheritdoc/>
    public override void FinishPrefill()
    {
        long start = Stopwatch.GetTimestamp();
        _compressor?.FinishPrefill();
        _compressTicks += Stopwatch.GetTimestamp() - start;
        FreeObserved();
    }

    /// <inheritdoc/>
    public override void BeginRows(PromptShape? turn)
    {
        for (int layer = 0; layer < _cache.Shape.Layers; layer++) _cache.Order(layer);
        FreeObserved();
        (_continues, _observeFrom, _observeTo) = (true, 0, 0);
        if (turn is null || _request.Policy is null) return;
        _earlierKernels.AddRange(_compressor!.Kernels);
        _compressor = HostCompression.Create(_request.Policy, _cache, turn, _workers);
        // Queries of earlier turns are gone: the policy reads what it can of its window.
        (_observeFrom, _observeTo) = (Math.Max(_compressor.FirstObservedRow, _length), turn.Tokens);
    }

    /// <inheritdoc/>
    public override SequenceStore Fork(StoreRequest request)
    {
        if (_record is null || request.Prompt.Tokens > _length || request.Schedule != PrefillSchedule.LayerMajor) throw new InvalidOperationException("Only a recorded prefill can be forked, up to its length, layer by layer.");
        var fork = new HostSequenceStore(request, _workers) { _length = request.Prompt.Tokens };
        for (int layer = 0; layer < _cache.Shape.Layers; layer++)
        {
            fork._cache.CopyFirst(_cache, layer, fork._length);
            if (fork._compressor is { } compressor) compressor.PrefillLayer(_record.View(fork._cache.View(layer, fork._length), compressor.FirstObservedRow, _heads, _request.Config.SlidingWindow));
        }

        fork.FinishPrefill();
        return fork;
    }

    /// <inheritdoc/>
    public override KvCache HostCache => _cache;

    /// <inheritdoc/>
    public override void Resume(int length)
    {
        (_length, _continues, _observeFrom, _observeTo) = (length, true, 0, 0);
        _compressor?.Resume();
    }

    /// <inheritdoc/>
    public override void DecodeAttention(int layer, MatrixRows qkv, int position, MatrixRows output)
    {
        bool probabilities = _compressor is { Decodes: true, ReadsDecodeAttention: true };
        LayerView view = _cache.View(layer, _length);
        _decode.Attend(new LayerPages(view), HostMatrix.Start(qkv), position, HostMatrix.Start(output), probabilities, _workers);
        if (_compressor is not { Decodes: true }) return;
        long start = Stopwatch.GetTimestamp();
        _compressor.DecodeLayer(view with
        {
            ProbabilityRows = _decode.Probabilities,
            ProbabilityStride = _decode.Stride,
            SlidingWindow = _request.Config.SlidingWindow,
        });
        _compressTicks += Stopwatch.GetTimestamp() - start;
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        FreeObserved();
        _record?.Dispose();
        _cache.Dispose();
        _decode.Dispose();
        _scratch.Dispose();
    }

    // Keeps the chunk's queries that the policy reads; gives the number of rows before them.
    private int Observe(MatrixRows qkv, int firstPosition)
    {
        if (_compressor is null && _record is null) return qkv.Count;
        bool chunk = !_continues && _request.Schedule == PrefillSchedule.ChunkMajor;
        int first = chunk ? firstPosition : _observeFrom;
        int observed = chunk ? qkv.Count : _observeTo - first;
        if (observed <= 0) return qkv.Count;
        if (observed != _observed)
        {
            FreeObserved();
            _observed = observed;
            _queries = new HostMatrix(observed, _heads.QuerySize);
            _logSumExp = (float*)NativeMemory.AllocZeroed((nuint)_heads.QueryHeads * (nuint)observed, sizeof(float));
        }

        _firstObserved = first;
        int skipped = Math.Clamp(first - firstPosition, 0, qkv.Count);
        for (int r = skipped; r < qkv.Count; r++)
        {
            float* row = HostMatrix.Start(qkv) + (long)r * _heads.RowSize;
            new ReadOnlySpan<float>(row, _heads.QuerySize).CopyTo(new Span<float>(_queries!.Row(firstPosition + r - first), _heads.QuerySize));
        }

        return skipped;
    }

    private LayerView ObservedView(int layer) => _cache.View(layer, _length) with
    {
        Queries = _queries is null ? null : _queries.Data,
        LogSumExps = _logSumExp,
        Rows = _observed,
        FirstRowPosition = _firstObserved,
        QueryStride = _heads.QuerySize,
        SlidingWindow = _request.Config.SlidingWindow,
    };

    private void KeepRows(int layer)
    {
        _record!.Keep(layer, _queries!, _logSumExp);
        (_queries, _observed) = (null, 0);
        _logSumExp = null;
    }

    private void FreeObserved()
    {
        _queries?.Dispose();
        _queries = null;
        NativeMemory.Free(_logSumExp);
        _logSumExp = null;
        _observed = 0;
    }

    /// <summary>Fills a head; heads are independent.</summary>
    private readonly struct AppendWork(KvCache cache, int layer, HeadShape heads, float* qkv, int rows, int firstPosition) : IWork
    {
        public void Run(int item, int worker)
        {
            float* key = qkv + heads.QuerySize + item * heads.HeadDim;
            for (int r = 0; r < rows; r++, key += heads.RowSize)
                cache.Append(layer, item, new ReadOnlySpan<float>(key, heads.HeadDim), new ReadOnlySpan<float>(key + heads.KeySize, heads.HeadDim), firstPosition + r);
        }
    }
}
