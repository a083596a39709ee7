using System.Reflection;
using System.Runtime.InteropServices;
using ILGPU;
using ILGPU.Runtime;

namespace KvPolicy.Gpu.Tests;

/// <summary>Sizes of a scene.</summary>
/// <param name="Window">Sliding window of the model, 0 for none.</param>
internal sealed record SceneShape(int QueryHeads, int KvHeads, int HeadDim, int Held, int Window);

/// <summary>
/// One layer with random keys, values, queries and states, held on the host and in device memory, on which a policy's passes run: after a
/// prefill with all queries and their log-sum-exp, or in a decode step with probabilities and slots in no order.
/// </summary>
internal sealed unsafe class PolicyScene : IDisposable
{
    // Layer that passes are told; the caches have one.
    private const int Index = 2;

    private readonly SceneShape _shape;
    private readonly KvCache _host;
    private readonly GpuKvCache _device;
    private readonly float[] _queries;
    private readonly float[] _logSumExp;
    private readonly float[] _probabilities;
    private readonly int[] _shots;
    private readonly List<IDisposable> _buffers = [];

    public PolicyScene(IKvPolicy policy, SceneShape shape, bool decoding)
    {
        (Policy, _shape, Decoding) = (policy, shape, decoding);
        var sizes = new KvShape(1, shape.QueryHeads, shape.KvHeads, shape.HeadDim);
        _host = new KvCache(sizes, shape.Held, policy.Plan.HasState);
        _device = new GpuKvCache(Simulator.Accelerator, sizes, shape.Held, policy.Plan.HasState);
        Rows = decoding ? 0 : Math.Min(shape.Held, policy.Plan.Prefill!.Rows);
        float[] keys = Tensors.Random(shape.KvHeads * shape.Held * shape.HeadDim, 11);
        _queries = Tensors.Random(Math.Max(1, Rows * shape.QueryHeads * shape.HeadDim), 12);
        Fill(keys, Tensors.Random(keys.Length, 13));
        _logSumExp = LogSumExps(keys);
        _probabilities = [.. Tensors.Random(shape.QueryHeads * _device.ScoreStride, 14).Select(MathF.Abs)];
        _shots = [.. Enumerable.Range(0, decoding ? 0 : shape.Held).Select(position => position % 13 == 5 ? -1 : position / 9)];
        if (policy.Plan.HasState) CopyState();
    }

    public IKvPolicy Policy { get; }

    public bool Decoding { get; }

    public int Rows { get; }

    public int ScoreRows => Policy.Plan.Share == Scope.Head ? _shape.KvHeads : 1;

    public int Stride => _device.ScoreStride;

    public GpuLayer Layer => WithShots(_device.View(0, _shape.Held)) with
    {
        Queries = Upload(_queries),
        LogSumExp = Upload(_logSumExp),
        Probabilities = Upload(_probabilities),
        Layer = Index,
        Rows = Rows,
        FirstRowPosition = _shape.Held - Rows,
        SlidingWindow = _shape.Window,
    };

    // While decoding there are none, as in the engine.
    private GpuLayer WithShots(GpuLayer layer) => Decoding ? layer : layer with { Shots = Upload(_shots) };

    public ArrayView<T> Upload<T>(T[] data) where T : unmanaged
    {
        MemoryBuffer1D<T, Stride1D.Dense> buffer = Simulator.Upload(data);
        _buffers.Add(buffer);
        return buffer.View.AsContiguous();
    }

    /// <summary>Scores of the host's pass, [rows, stride] with 0 past the held keys; adds to the host's states.</summary>
    public float[] HostScores()
    {
        fixed (float* queries = _queries, logSumExp = _logSumExp, probabilities = _probabilities)
        fixed (int* shots = _shots)
        {
            LayerView view = _host.View(0, _shape.Held) with
            {
                Layer = Index,
                ShotOf = shots,
                ShotsOf = _shots.Length,
                Queries = queries,
                LogSumExps = logSumExp,
                ProbabilityRows = probabilities,
                ProbabilityStride = Stride,
                Rows = Rows,
                FirstRowPosition = _shape.Held - Rows,
                QueryStride = _shape.QueryHeads * _shape.HeadDim,
                SlidingWindow = _shape.Window,
            };
            var binder = new ScoreBinder { View = view, Scene = this, Scores = new float[ScoreRows * Stride] };
            Policy.Bind(ref binder);
            return binder.Scores;
        }
    }

    /// <summary>Pooled scores of the host, of the competing keys first .. first + count - 1.</summary>
    public float[] HostPool(float[] scores, int first, int count)
    {
        var binder = new PoolBinder { Scene = this, Scores = scores, Pooled = new float[scores.Length], First = first, Count = count };
        Policy.Bind(ref binder);
        return binder.Pooled;
    }

    /// <summary>The host's states: [kvHeads, held].</summary>
    public float[] HostStates()
        => [.. from head in Enumerable.Range(0, _shape.KvHeads) from slot in Enumerable.Range(0, _shape.Held) select _host.View(0, 1).State(head, slot / 32)[slot % 32]];

    /// <summary>The held keys' states out of the device's pool: [kvHeads, held].</summary>
    public float[] HeldStates(GpuLayer layer, float[] pool)
        => [.. from head in Enumerable.Range(0, _shape.KvHeads) from slot in Enumerable.Range(0, _shape.Held) select pool[PoolSlot(Simulator.Download(layer.Pages), layer, head, slot)]];

    public void Dispose()
    {
        foreach (IDisposable buffer in _buffers) buffer.Dispose();
        _host.Dispose();
        _device.Dispose();
    }

    private static int PoolSlot(int[] pages, GpuLayer layer, int head, int slot) => pages[head * layer.PageStride + slot / 32] * 32 + slot % 32;

    // Decoding leaves slots in no order: positions run backwards from the middle.
    private int PositionOf(int slot) => Decoding ? (slot * 7 + 3) % _shape.Held : slot;

    private void Fill(float[] keys, float[] values)
    {
        int dim = _shape.HeadDim;
        _host.Reserve(0, _shape.Held);
        _device.Reserve(0, _shape.Held);
        GpuLayer layer = _device.View(0, _shape.Held);
        float[] deviceKeys = Simulator.Download(layer.Keys), deviceValues = Simulator.Download(layer.Values);
        int[] positions = Simulator.Download(layer.Positions), pages = Simulator.Download(layer.Pages);
        for (int head = 0; head < _shape.KvHeads; head++)
        {
            for (int slot = 0; slot < _shape.Held; slot++)
            {
                int at = (head * _shape.Held + slot) * dim, page = pages[head * layer.PageStride + slot / 32];
                _host.Append(0, head, keys.AsSpan(at, dim), values.AsSpan(at, dim), PositionOf(slot));
                positions[page * 32 + slot % 32] = PositionOf(slot);
                for (int c = 0; c < dim; c++) deviceKeys[(page * dim + c) * 32 + slot % 32] = keys[at + c];
                values.AsSpan(at, dim).CopyTo(deviceValues.AsSpan((page * 32 + slot % 32) * dim));
            }

            _device.SetHeld(0, head, _shape.Held);
        }

        layer.Keys.CopyFromCPU(deviceKeys);
        layer.Values.CopyFromCPU(deviceValues);
        layer.Positions.CopyFromCPU(positions);
        layer.Held.CopyFromCPU(Enumerable.Repeat(_shape.Held, _shape.KvHeads).ToArray());
    }

    private void CopyState()
    {
        float[] states = Tensors.Random(_shape.KvHeads * _shape.Held, 15);
        for (int head = 0; head < _shape.KvHeads; head++)
        {
            for (int slot = 0; slot < _shape.Held; slot++) _host.View(0, 1).State(head, slot / 32)[slot % 32] = states[head * _shape.Held + slot];
        }

        GpuLayer layer = _device.View(0, _shape.Held);
        float[] pool = Simulator.Download(layer.State);
        for (int i = 0; i < states.Length; i++) pool[PoolSlot(Simulator.Download(layer.Pages), layer, i / _shape.Held, i % _shape.Held)] = states[i];
        layer.State.CopyFromCPU(pool);
    }

    private float[] LogSumExps(float[] keys)
    {
        int dim = _shape.HeadDim, group = _shape.QueryHeads / _shape.KvHeads;
        var result = new float[Math.Max(1, _shape.QueryHeads * Rows)];
        for (int head = 0; head < _shape.QueryHeads; head++)
        {
            for (int row = 0; row < Rows; row++)
            {
                int position = _shape.Held - Rows + row;
                double sum = 0;
                for (int key = _shape.Window > 0 ? Math.Max(0, position - _shape.Window + 1) : 0; key <= position; key++)
                {
                    double dot = 0;
                    for (int c = 0; c < dim; c++) dot += (double)_queries[(row * _shape.QueryHeads + head) * dim + c] * keys[(head / group * _shape.Held + key) * dim + c];
                    sum += Math.Exp(dot / Math.Sqrt(dim));
                }

                result[head * Rows + row] = (float)Math.Log(sum);
            }
        }

        return result;
    }

    private ref struct ScoreBinder : IPassBinder
    {
        public LayerView View;
        public PolicyScene Scene;
        public float[] Scores;

        public readonly void Use<TPrefill, TDecode>(TPrefill prefill, TDecode decode)
            where TPrefill : struct, IPrefillPasses
            where TDecode : struct, IDecodePasses
        {
            for (int row = 0; row < Scene.ScoreRows; row++)
            {
                for (int tile = 0; tile < View.Tiles(row); tile++)
                {
                    Span<float> scores = Scores.AsSpan(row * Scene.Stride + tile * 32, 32);
                    if (Scene.Decoding) decode.Score(in View, row, tile, scores);
                    else prefill.Score(in View, row, tile, scores);
                }

                Scores.AsSpan(row * Scene.Stride + Scene._shape.Held, Scene.Stride - Scene._shape.Held).Clear();
            }
        }
    }

    private ref struct PoolBinder : IPassBinder
    {
        public PolicyScene Scene;
        public float[] Scores;
        public float[] Pooled;
        public int First;
        public int Count;

        public readonly void Use<TPrefill, TDecode>(TPrefill prefill, TDecode decode)
            where TPrefill : struct, IPrefillPasses
            where TDecode : struct, IDecodePasses
        {
            for (int row = 0; row < Scene.ScoreRows; row++)
                prefill.Pool(Scores.AsSpan(row * Scene.Stride + First, Count), Pooled.AsSpan(row * Scene.Stride + First, Count));
        }
    }
}
