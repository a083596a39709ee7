using ILGPU;
using ILGPU.Runtime;

namespace KvPolicy.Gpu;

/// <summary>From the scores of a layer's held tokens to compacted pages: pool, units, select, compact, all on the device but for the packing of units.</summary>
internal sealed class GpuSelection : IDisposable
{
    private readonly CompressionRules _rules;
    private readonly PrefillSelector _selector;
    private readonly PrefillPlan _prefill;
    private readonly GpuKvCache _cache;
    private readonly PolicyKernels _kernels;
    private readonly IGpuPasses _passes;
    private readonly PassCounts _counts;
    private readonly SelectionRow[] _rows;
    private readonly int[]?[] _heldPositions;  // [layers, rows]: positions of what stayed of the prompt so far
    private readonly MemoryBuffer1D<float, Stride1D.Dense> _pooled;
    private readonly MemoryBuffer1D<int, Stride1D.Dense> _kept;
    private readonly MemoryBuffer1D<int, Stride1D.Dense> _shotOf;
    private readonly MemoryBuffer1D<float, Stride1D.Dense> _unitScores;
    private readonly MemoryBuffer1D<int, Stride1D.Dense> _taken;
    private readonly int _units;

    public GpuSelection(CompressionRules rules, GpuKvCache cache, PromptShape prompt, PolicyKernels kernels, IGpuPasses passes, PassCounts counts)
    {
        (_rules, _selector, _prefill, _cache, _kernels, _passes, _counts) = (rules, rules.Selector!, rules.Plan.Prefill!, cache, kernels, passes, counts);
        int rows = rules.Shared ? 1 : cache.Shape.KvHeads, stride = cache.ScoreStride;
        _units = Math.Max(1, _selector.UnitsOf(cache.Capacity));
        _rows = new SelectionRow[rows];
        for (int row = 0; row < rows; row++) _rows[row] = new SelectionRow(0);
        _heldPositions = new int[]?[cache.Shape.Layers * rows];
        Accelerator accelerator = kernels.Accelerator;
        _pooled = accelerator.Allocate1D<float>(_prefill.Pools ? rows * stride : 1);
        _kept = accelerator.Allocate1D<int>(rows * stride);
        _unitScores = accelerator.Allocate1D<float>(rows * _units);
        _taken = accelerator.Allocate1D<int>(rows * _units);
        _shotOf = accelerator.Allocate1D<int>(Math.Max(1, _selector.Shots.Positions.Length));
        if (_selector.Shots.Positions.Length > 0) _shotOf.CopyFromCPU(Stream, _selector.Shots.Positions.ToArray());
    }

    /// <summary>Shot of each prompt position, -1 outside; empty unless shots compete.</summary>
    public ArrayView<int> Shots => _shotOf.View.SubView(0, _selector.Shots.Positions.Length).AsContiguous();

    private AcceleratorStream Stream => _kernels.Accelerator.DefaultStream;

    /// <summary>Chooses from the scores and compacts the layers from .. to, which all keep the same.</summary>
    /// <param name="layer">First of the layers.</param>
    /// <param name="from">Its index.</param>
    /// <param name="to">Index of the last.</param>
    /// <param name="scores">[rows, stride]</param>
    public void Compress(in GpuLayer layer, int from, int to, ArrayView<float> scores)
    {
        if (!_rules.EvictsFrom(layer.MaxHeld)) return;
        // Mostly all rows hold equally many; where they do not (shots of a head's own, chunk by chunk) each row is a launch.
        bool alike = true;
        for (int row = 1; row < _rows.Length; row++) alike &= _cache.Held(from, row) == _cache.Held(from, 0);
        for (int row = 0; row < _rows.Length; row += alike ? _rows.Length : 1) Choose(layer, from, row, alike ? _rows.Length : 1, scores);
        _counts.Select();
        if (_prefill.Pools) _counts.Pool();
        for (int l = from; l <= to; l++)
        {
            Compact(l == from ? layer : _cache.View(l, layer.Length), l, from);
            _counts.Compact();
            _cache.Trim(l);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _pooled.Dispose();
        _kept.Dispose();
        _shotOf.Dispose();
        _unitScores.Dispose();
        _taken.Dispose();
    }

    // Rows first .. first + rows - 1 hold equally many tokens.
    private void Choose(in GpuLayer layer, int index, int first, int rows, ArrayView<float> scores)
    {
        int held = _cache.Held(index, first);
        Protection protection = _selector.ProtectionOf(held);
        int competing = held - protection.Sinks - protection.Recent;
        ArrayView<float> competed = _prefill.Pools ? Pool(scores, first, rows, held, protection) : scores;
        if (_prefill.Unit == Unit.Token)
        {
            int chosen = _selector.ChosenOf(protection, held);
            _kernels.Select.Launch(Stream, (rows, 1), new SelectArguments
            {
                Scores = competed,
                Kept = _kept.View.AsContiguous(),
                Stride = _cache.ScoreStride,
                Held = held,
                FirstRow = first,
                First = protection.Sinks,
                Count = competing,
                Best = chosen,
            });
            for (int row = first; row < first + rows; row++) _rows[row].KeptCount = protection.Sinks + chosen + protection.Recent;
            return;
        }

        ChooseUnits(index, first, rows, held, new UnitArguments
        {
            Layer = layer,
            Scores = competed,
            UnitScores = _unitScores.View.AsContiguous(),
            ShotOf = _shotOf.View.AsContiguous(),
            Taken = _taken.View.AsContiguous(),
            Kept = _kept.View.AsContiguous(),
            FirstRow = first,
            First = protection.Sinks,
            Count = competing,
            Chunk = _prefill.Unit == Unit.Chunk ? _prefill.Chunk : 0,
            Units = _units,
        });
    }

    private ArrayView<float> Pool(ArrayView<float> scores, int first, int rows, int held, Protection protection)
    {
        int stride = _cache.ScoreStride;
        ArrayView<float> pooled = _pooled.View.AsContiguous();
        ArrayView<float> source = scores.SubView((long)first * stride, (long)rows * stride), target = pooled.SubView((long)first * stride, (long)rows * stride);
        // The mean of a shot takes in its protected tokens, whose scores are not pooled.
        if (_prefill.Unit == Unit.Shot) target.CopyFrom(Stream, source);
        _passes.Pool(Stream, source, target, rows, stride, protection.Sinks, held - protection.Sinks - protection.Recent);
        return pooled;
    }

    private void ChooseUnits(int index, int first, int rows, int held, UnitArguments arguments)
    {
        int units = _selector.UnitsOf(held);
        if (arguments.Chunk > 0) _kernels.SumChunks.Launch(Stream, ((units + 31) / 32, rows), arguments);
        else _kernels.MeanShots.Launch(Stream, (units, rows), arguments);
        _counts.Units();
        float[] scores = _unitScores.GetAsArray1D(Stream);
        var taken = new int[_rows.Length * _units];
        for (int row = first; row < first + rows; row++)
        {
            SelectionRow chosen = _rows[row];
            int[] positions = PositionsOf(index, row, held, arguments.Layer.Length);
            chosen.Prepare(held, units);
            scores.AsSpan(row * _units, units).CopyTo(chosen.Units);
            if (_prefill.Unit == Unit.Shot) _selector.CountShots(chosen, positions);
            _selector.Choose(chosen, positions);
            chosen.Taken.AsSpan(0, units).CopyTo(taken.AsSpan(row * _units));
            RememberPositions(index, row, chosen, positions);
        }

        ArrayView<int> device = _taken.View.SubView((long)first * _units, (long)rows * _units).AsContiguous();
        device.CopyFromCPU(Stream, taken.AsSpan(first * _units, rows * _units).ToArray());
        _kernels.KeepUnits.Launch(Stream, (1, rows), arguments);
    }

    private int[] PositionsOf(int index, int row, int held, int length)
    {
        var positions = new int[held];
        int[] survivors = _heldPositions[index * _rows.Length + row] ?? [];
        survivors.CopyTo(positions, 0);
        // What came after the survivors are the newest tokens, one after the other.
        for (int slot = survivors.Length; slot < held; slot++) positions[slot] = length - held + slot;
        return positions;
    }

    private void RememberPositions(int index, int row, SelectionRow chosen, int[] positions)
    {
        var survivors = new int[chosen.KeptCount];
        for (int i = 0; i < survivors.Length; i++) survivors[i] = positions[chosen.KeptSlots[i]];
        _heldPositions[index * _rows.Length + row] = survivors;
    }

    private void Compact(in GpuLayer layer, int index, int chosenIn)
    {
        int heads = _cache.Shape.KvHeads, slices = (_cache.Shape.HeadDim + CompactKernels.Channels - 1) / CompactKernels.Channels;
        bool alike = true;
        for (int row = 1; row < _rows.Length; row++) alike &= _rows[row].KeptCount == _rows[0].KeptCount;
        for (int head = 0; head < heads; head += alike ? heads : 1)
        {
            _kernels.Compact.Launch(Stream, (slices + 1, alike ? heads : 1), new CompactArguments
            {
                Layer = layer,
                Kept = _kept.View.AsContiguous(),
                Stride = _cache.ScoreStride,
                FirstHead = head,
                Count = _rows[_rows.Length == 1 ? 0 : head].KeptCount,
                Shared = _rules.Shared ? 1 : 0,
            });
        }

        for (int head = 0; head < heads; head++) _cache.SetHeld(index, head, _rows[_rows.Length == 1 ? 0 : head].KeptCount);
    }
}
