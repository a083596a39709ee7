namespace KvPolicy;

/// <summary>A compressor closed over a policy's host passes, so that the calls into generated code are direct.</summary>
internal sealed class HostCompressor<TPrefill, TDecode> : SequenceCompressor
    where TPrefill : struct, IPrefillPasses
    where TDecode : struct, IDecodePasses
{
    // Below so many keys (all heads together) a decode step's work is shorter than waking a thread.
    private const int KeysWorthThreads = 4096;

    private readonly PolicyPlan _plan;
    private readonly CompressionRules _rules;
    private readonly KvCache _cache;
    private readonly WorkerPool _workers;
    private readonly TPrefill _prefill;
    private readonly TDecode _decode;
    private readonly int _prompt;
    private readonly PrefillSelector? _selector;
    private readonly DecodeEviction? _eviction;
    private readonly SelectionRow[] _rows;
    private readonly int[] _frozen;     // [layers, kvHeads]: held after the prefill
    private readonly PassCounts _counts;
    private float[] _modelScores = [];  // Deferred: the layers' scores added up
    private int[] _positions = [];      // [rows, held]: scratch
    private bool _chunked;              // the prefill came in chunks

    public HostCompressor(PolicyPlan plan, KvCache cache, PromptShape prompt, WorkerPool workers, TPrefill prefill, TDecode decode)
    {
        (_plan, _cache, _workers, _prefill, _decode, _prompt) = (plan, cache, workers, prefill, decode, prompt.Tokens);
        _counts = new PassCounts(plan.Name);
        _rules = new CompressionRules(plan, prompt);
        _selector = _rules.Selector;
        _eviction = _rules.Decode is { } during ? new DecodeEviction(plan, during, cache) : null;
        _frozen = new int[cache.Shape.Layers * cache.Shape.KvHeads];
        bool scores = _selector is not null || _eviction is not null;
        _rows = new SelectionRow[Shared ? 1 : cache.Shape.KvHeads];
        for (int row = 0; row < _rows.Length; row++) _rows[row] = new SelectionRow(scores ? cache.Capacity : 0);
    }

    /// <inheritdoc/>
    public override int FirstObservedRow => _rules.FirstObservedRow(ScoresPrefill);

    /// <inheritdoc/>
    public override bool ReadsDecodeAttention => _rules.ReadsDecodeAttention;

    /// <inheritdoc/>
    public override bool Decodes => _eviction is not null;

    /// <inheritdoc/>
    public override IReadOnlyList<string> Notes => _rules.Notes;

    /// <inheritdoc/>
    public override IReadOnlyList<KernelCount> Kernels => _counts.ToList();

    private bool Shared => _rules.Shared;

    private bool Evicts => _rules.Evicts;

    private bool Deferred => _plan.Share == Scope.Model && (Evicts || ScoreRecord is not null);

    /// <summary>Whether the prefill's score pass runs: something is evicted, it seeds the state of decoding, or someone wants to see it.</summary>
    private bool ScoresPrefill => Evicts || _rules.SeedsState || (_selector is not null && ScoreRecord is not null);

    /// <inheritdoc/>
    public override void PrefillLayer(in LayerView layer)
    {
        if (!ScoresPrefill) return;
        ScoreHeld(in layer);
        if (Deferred) AddModelScores(layer.Held(0), layer.Layer == 0);
        else Compress(layer.Layer, layer.Layer);
    }

    /// <inheritdoc/>
    public override void PrefillChunk(in LayerView layer, bool last)
    {
        if (!ScoresPrefill) return;
        LayerView observed = layer.LastRows(Math.Min(layer.Rows, _plan.Prefill!.Rows));
        ScoreHeld(in observed);
        if (!Deferred) Compress(layer.Layer, layer.Layer);
        else
        {
            AddModelScores(layer.Held(0), layer.Layer == 0);
            if (layer.Layer == layer.Layers - 1) CompressModel();
        }

        _chunked = true;
    }

    /// <inheritdoc/>
    public override void FinishPrefill()
    {
        if (Deferred && !_chunked) CompressModel();
        for (int layer = 0; layer < _cache.Shape.Layers; layer++)
        {
            for (int head = 0; head < _cache.Shape.KvHeads; head++) _frozen[layer * _cache.Shape.KvHeads + head] = _cache.Held(layer, head);
        }

        PagePool.ReturnToSystem();
    }

    /// <inheritdoc/>
    internal override void Resume()
    {
        // What is frozen is what came with the prompt and is still there: nothing else was ever evicted.
        for (int head = 0; head < _frozen.Length; head++)
        {
            (int layer, int kvHead) = (head / _cache.Shape.KvHeads, head % _cache.Shape.KvHeads);
            int held = _cache.Held(layer, kvHead), slot = 0;
            while (slot < held && _cache.PositionAt(layer, kvHead, slot) < _prompt) slot++;
            _frozen[head] = slot;
        }
    }

    /// <inheritdoc/>
    public override void DecodeLayer(in LayerView layer)
    {
        if (_eviction is null) return;
        int heads = _rows.Length, keys = 0, k = _rules.DecodeBudget(layer.Length);
        bool over = false;
        for (int head = 0; head < heads; head++)
        {
            keys += layer.Held(head);
            over |= layer.Held(head) - FrozenOf(layer.Layer, head) > k;
        }

        if (!over && !_rules.SumsWhileDecoding) return;
        var work = new DecodeWork(this, in layer, k);
        if (keys >= KeysWorthThreads) _workers.Run(heads, ref work);
        else
        {
            for (int head = 0; head < heads; head++) work.Run(head, 0);
        }

        _counts.Decode();
        if (!over) return;
        _counts.Evict();
        _cache.Trim(layer.Layer, sparePages: 1);
    }

    private int FrozenOf(int layer, int head) => _rules.FreezesPrompt ? _frozen[layer * _cache.Shape.KvHeads + head] : 0;

    private void ScoreHeld(in LayerView layer)
    {
        int tiles = 0;
        for (int row = 0; row < _rows.Length; row++) tiles = Math.Max(tiles, layer.Tiles(row));
        var work = new ScoreWork(_prefill, _rows, _selector?.Shots.In(layer) ?? layer, tiles);
        _workers.Run(_rows.Length * tiles, ref work);
        _counts.Score();
    }

    private void AddModelScores(int held, bool first)
    {
        if (_modelScores.Length < held) Array.Resize(ref _modelScores, held);
        for (int slot = 0; slot < held; slot++) _modelScores[slot] = (first ? 0f : _modelScores[slot]) + _rows[0].Scores[slot];
    }

    private void CompressModel()
    {
        _modelScores.AsSpan(0, _cache.Held(0, 0)).CopyTo(_rows[0].Scores);
        Compress(0, _cache.Shape.Layers - 1);
    }

    /// <summary>Chooses from the rows' scores and compacts the layers from .. to, which all keep the same.</summary>
    private void Compress(int from, int to)
    {
        int longest = 0;
        for (int row = 0; row < _rows.Length; row++)
        {
            int held = _cache.Held(from, row);
            longest = Math.Max(longest, held);
            _rows[row].Prepare(held, _selector!.UnitsOf(held));
        }

        bool evicts = _rules.EvictsFrom(longest);
        if (!evicts && ScoreRecord is null) return;
        if (_positions.Length < longest * _rows.Length) _positions = new int[longest * _rows.Length];
        var choose = new ChooseWork(this, from, longest, evicts);
        _workers.Run(_rows.Length, ref choose);
        if (_plan.Prefill!.Pools) _counts.Pool();
        if (ScoreRecord is not null) RecordScores(from, to, longest);
        if (!evicts) return;
        _counts.Select();
        var compact = new CompactWork(_cache, _rows, from);
        _workers.Run((to - from + 1) * _cache.Shape.KvHeads, ref compact);
        for (int layer = from; layer <= to; layer++)
        {
            _counts.Compact();
            _cache.Trim(layer);
        }
    }

    private void RecordScores(int from, int to, int longest)
    {
        for (int layer = from; layer <= to; layer++)
        {
            for (int head = 0; head < _cache.Shape.KvHeads; head++)
            {
                int row = Shared ? 0 : head;
                Span<float> target = ScoreRecord.AsSpan((layer * _cache.Shape.KvHeads + head) * _prompt, _prompt);
                _selector!.WriteScores(_rows[row], _positions.AsSpan(row * longest, _cache.Held(from, row)), target);
            }
        }
    }

    private readonly struct ScoreWork(TPrefill passes, SelectionRow[] rows, in LayerView layer, int tiles) : IWork
    {
        private readonly TPrefill _passes = passes;
        private readonly LayerView _layer = layer;

        public void Run(int item, int worker)
        {
            int row = item / tiles, tile = item % tiles;
            if (tile < _layer.Tiles(row)) _passes.Score(in _layer, row, tile, rows[row].Scores.AsSpan(tile * LayerView.TileKeys, LayerView.TileKeys));
        }
    }

    private readonly struct ChooseWork(HostCompressor<TPrefill, TDecode> owner, int layer, int stride, bool evicts) : IWork
    {
        public void Run(int item, int worker)
        {
            SelectionRow row = owner._rows[item];
            PrefillSelector selector = owner._selector!;
            int held = owner._cache.Held(layer, item);
            Span<int> positions = owner._positions.AsSpan(item * stride, held);
            owner._cache.CopyPositions(layer, item, positions);
            Protection protection = selector.ProtectionOf(held);
            int competing = held - protection.Sinks - protection.Recent;
            ReadOnlySpan<float> scores = row.Scores.AsSpan(protection.Sinks, competing);
            if (owner._plan.Prefill!.Pools) owner._prefill.Pool(scores, row.Pooled.AsSpan(0, competing));
            else scores.CopyTo(row.Pooled);
            selector.ScoreUnits(row, positions);
            if (evicts) selector.Choose(row, positions);
        }
    }

    private readonly struct CompactWork(KvCache cache, SelectionRow[] rows, int firstLayer) : IWork
    {
        public void Run(int item, int worker)
        {
            int head = item % cache.Shape.KvHeads;
            cache.Compact(firstLayer + item / cache.Shape.KvHeads, head, rows[rows.Length == 1 ? 0 : head].KeptSlots);
        }
    }

    private readonly struct DecodeWork(HostCompressor<TPrefill, TDecode> owner, in LayerView layer, int k) : IWork
    {
        private readonly LayerView _layer = layer;

        public void Run(int item, int worker)
        {
            SelectionRow row = owner._rows[item];
            int frozen = owner.FrozenOf(_layer.Layer, item), held = _layer.Held(item);
            // Where nothing is added up, nobody reads the scores of what is frozen.
            int first = owner._rules.SumsWhileDecoding ? 0 : frozen / LayerView.TileKeys;
            for (int tile = first; tile * LayerView.TileKeys < held; tile++)
                owner._decode.Score(in _layer, item, tile, row.Scores.AsSpan(tile * LayerView.TileKeys, LayerView.TileKeys));
            if (held - frozen > k) owner._eviction!.Evict(_layer.Layer, item, owner.Shared ? owner._cache.Shape.KvHeads : 1, row, frozen, k);
        }
    }
}
