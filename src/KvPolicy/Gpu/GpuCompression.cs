using ILGPU;
using ILGPU.Runtime;

namespace KvPolicy.Gpu;

/// <summary>
/// A policy at work on one sequence in device memory: the counterpart of <see cref="SequenceCompressor"/>, with the same rules. Everything
/// that is one number a token stays on the device; the host sees one number a chunk or shot, where it packs them.
/// </summary>
internal sealed class GpuCompression : IDisposable
{
    private readonly CompressionRules _rules;
    private readonly GpuKvCache _cache;
    private readonly PolicyKernels _kernels;
    private readonly IGpuPasses? _passes;
    private readonly GpuSelection? _selection;
    private readonly PassCounts _counts;
    private readonly MemoryBuffer1D<float, Stride1D.Dense> _scores;
    private readonly MemoryBuffer1D<float, Stride1D.Dense>? _modelScores;
    private readonly MemoryBuffer1D<int, Stride1D.Dense> _frozen;
    private readonly int[] _frozenHost;
    private bool _chunked;

    /// <summary>A compressor of one sequence.</summary>
    /// <param name="policy">The policy.</param>
    /// <param name="cache">The sequence's cache; made with the plan's <see cref="PolicyPlan.HasState"/>.</param>
    /// <param name="prompt">The prompt.</param>
    /// <param name="kernels">Shared kernels of the cache's accelerator.</param>
    public GpuCompression(IKvPolicy policy, GpuKvCache cache, PromptShape prompt, PolicyKernels kernels)
    {
        PolicyPlan plan = policy.Plan;
        if (plan.HasState && !cache.HasState) throw new ArgumentException($"{plan.Name} keeps a number with each key: make the cache with hasState.", nameof(cache));
        (_rules, _cache, _kernels) = (new CompressionRules(plan, prompt), cache, kernels);
        _counts = new PassCounts(plan.Name);
        if (_rules.Evicts || _rules.Decode is not null)
            _passes = policy.LoadGpu(kernels.Accelerator) ?? throw new InvalidOperationException($"{plan.Name} has no GPU passes although it evicts.");
        int rows = _rules.Shared ? 1 : cache.Shape.KvHeads;
        _scores = kernels.Accelerator.Allocate1D<float>(_passes is null ? 1 : rows * cache.ScoreStride);
        if (_rules.Evicts) _selection = new GpuSelection(_rules, cache, prompt, kernels, _passes!, _counts);
        if (Deferred) _modelScores = kernels.Accelerator.Allocate1D<float>(cache.ScoreStride);
        _frozenHost = new int[cache.Shape.Layers * cache.Shape.KvHeads];
        _frozen = kernels.Accelerator.Allocate1D<int>(_frozenHost.Length);
        _frozen.MemSetToZero(Stream);
    }

    /// <summary>First prompt row whose query and log-sum-exp <see cref="PrefillLayer"/> reads; n where it reads none.</summary>
    public int FirstObservedRow => _rules.FirstObservedRow(ScoresPrefill);

    /// <summary>True where <see cref="DecodeLayer"/> reads <see cref="GpuLayer.Probabilities"/>.</summary>
    public bool ReadsDecodeAttention => _rules.ReadsDecodeAttention;

    /// <summary>True where anything can be evicted while decoding.</summary>
    public bool Decodes => _rules.Decode is not null;

    /// <summary>Notes for the receipt.</summary>
    public IReadOnlyList<string> Notes => _rules.Notes;

    /// <summary>Every pass that ran, select and compact included.</summary>
    public IReadOnlyList<KernelCount> Kernels => _counts.ToList();

    /// <summary>Scores of the last pass by slot: [rows, <see cref="GpuKvCache.ScoreStride"/>].</summary>
    public ArrayView<float> Scores => _scores.View.AsContiguous();

    private AcceleratorStream Stream => _kernels.Accelerator.DefaultStream;

    private bool ScoresPrefill => _rules.Evicts || _rules.SeedsState;

    private bool Deferred => _rules.Plan.Share == Scope.Model && _rules.Evicts;

    /// <summary>How many of the last rows of a chunk the score pass reads (ChunkMajor).</summary>
    public int ObservedRowsOfChunk(int rows) => ScoresPrefill ? Math.Min(rows, _rules.Plan.Prefill!.Rows) : 0;

    /// <summary>Scores and compresses a layer whose prompt is wholly in the cache (LayerMajor), or keeps the scores where the budget is the model's.</summary>
    /// <param name="layer">The layer, with the observed rows.</param>
    public void PrefillLayer(in GpuLayer layer)
    {
        if (!ScoresPrefill) return;
        _passes!.Score(Stream, _selection is null ? layer : layer with { Shots = _selection.Shots }, Scores);
        _counts.Score();
        if (Deferred) AddModelScores(layer);
        else _selection?.Compress(layer, layer.Layer, layer.Layer, Scores);
    }

    /// <summary>As <see cref="PrefillLayer"/> after a chunk of the prompt was appended (ChunkMajor).</summary>
    /// <param name="layer">The layer: survivors and the chunk; the observed rows of the chunk.</param>
    public void PrefillChunk(in GpuLayer layer)
    {
        PrefillLayer(layer);
        _chunked = true;
        if (Deferred && layer.Layer == layer.Layers - 1) CompressModel(layer.Length);
    }

    /// <summary>After the last layer's prefill: the model's selection where it was deferred.</summary>
    /// <param name="length">Tokens of the prompt.</param>
    public void FinishPrefill(int length)
    {
        if (Deferred && !_chunked) CompressModel(length);
        if (!_rules.FreezesPrompt) return;
        for (int i = 0; i < _frozenHost.Length; i++) _frozenHost[i] = _cache.Held(i / _cache.Shape.KvHeads, i % _cache.Shape.KvHeads);
        _frozen.CopyFromCPU(Stream, _frozenHost);
    }

    /// <summary>After a layer's attention of a decode step: scores the held keys and evicts what is over the budget.</summary>
    /// <param name="layer">Held keys, the new one last; <see cref="GpuLayer.Length"/> counts it.</param>
    public void DecodeLayer(in GpuLayer layer)
    {
        if (_rules.Decode is not { } decode) return;
        int heads = _cache.Shape.KvHeads, first = layer.Layer * heads, budget = _rules.DecodeBudget(layer.Length);
        bool over = false;
        for (int h = 0; h < heads; h++) over |= _cache.Held(layer.Layer, h) - _frozenHost[first + h] > budget;
        if (!over && !_rules.SumsWhileDecoding) return;
        _passes!.Decode(Stream, layer, Scores);
        _counts.Decode();
        if (!over) return;
        _kernels.Evict.Launch(Stream, (_rules.Shared ? 1 : heads, 1), new EvictArguments
        {
            Layer = layer,
            Scores = Scores,
            Frozen = _frozen.View.SubView(first, heads).AsContiguous(),
            HeadsPerRow = _rules.Shared ? heads : 1,
            Budget = budget,
            Sinks = _rules.Plan.Sinks,
            Recent = _rules.Plan.RecentOf(budget),
            Newest = decode.ProtectNewest ? 1 : 0,
        });
        _counts.Evict();
        for (int h = 0; h < heads; h++) _cache.SetHeld(layer.Layer, h, Math.Min(_cache.Held(layer.Layer, h), _frozenHost[first + h] + budget));
        _cache.Trim(layer.Layer, sparePages: 1);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _selection?.Dispose();
        _scores.Dispose();
        _modelScores?.Dispose();
        _frozen.Dispose();
    }

    private void AddModelScores(in GpuLayer layer)
    {
        int held = _cache.Held(layer.Layer, 0);
        _kernels.AddScores.Launch(Stream, ((held + 127) / 128, 1), new AddScoresArguments
        {
            Scores = Scores,
            Total = _modelScores!.View.AsContiguous(),
            Count = held,
            Begins = layer.Layer == 0 ? 1 : 0,
        });
    }

    private void CompressModel(int length) => _selection!.Compress(_cache.View(0, length), 0, _cache.Shape.Layers - 1, _modelScores!.View.AsContiguous());
}
