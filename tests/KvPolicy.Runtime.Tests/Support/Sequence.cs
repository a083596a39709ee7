namespace KvPolicy.Runtime.Tests;

/// <summary>A cache whose keys carry chosen scores, driven through a compressor as an engine would drive it.</summary>
internal sealed class Sequence : IDisposable
{
    public const int HeadDim = 4;

    private readonly WorkerPool _workers;
    private readonly Func<int, int, int, float> _score;
    private readonly int _prompt;
    private int _length;

    /// <summary>A prompt whose key (layer, head, position) scores what <paramref name="score"/> says.</summary>
    public Sequence(PolicyPlan plan, int prompt, Func<int, int, int, float> score, int layers = 1, int kvHeads = 1, IReadOnlyList<int>? shots = null, int threads = 1)
    {
        (_score, _prompt) = (score, prompt);
        _workers = new WorkerPool(threads);
        Cache = new KvCache(new KvShape(layers, kvHeads, kvHeads, HeadDim), prompt + 200, plan.HasState);
        Compressor = HostCompression.Create(new ScriptedPolicy(plan), Cache, new PromptShape(prompt, shots ?? []), _workers);
    }

    public KvCache Cache { get; }

    public SequenceCompressor Compressor { get; }

    public Sequence Prefill()
    {
        for (int layer = 0; layer < Cache.Shape.Layers; layer++)
        {
            Append(layer, 0, _prompt);
            Compressor.PrefillLayer(Cache.View(layer, _prompt));
        }

        Compressor.FinishPrefill();
        _length = _prompt;
        return this;
    }

    public Sequence PrefillChunks(int chunk)
    {
        for (int first = 0; first < _prompt; first += chunk)
        {
            int end = Math.Min(_prompt, first + chunk);
            for (int layer = 0; layer < Cache.Shape.Layers; layer++)
            {
                Append(layer, first, end);
                Compressor.PrefillChunk(Cache.View(layer, end), end == _prompt);
            }

            AfterChunk?.Invoke();
        }

        Compressor.FinishPrefill();
        _length = _prompt;
        return this;
    }

    public Action? AfterChunk { get; set; }

    public Sequence Decode(int steps = 1)
    {
        for (; steps > 0; steps--, _length++)
        {
            for (int layer = 0; layer < Cache.Shape.Layers; layer++)
            {
                Append(layer, _length, _length + 1);
                Compressor.DecodeLayer(Cache.View(layer, _length + 1));
            }
        }

        return this;
    }

    /// <summary>Held positions of a head, ascending.</summary>
    public int[] Held(int layer = 0, int head = 0) => [.. Slots(layer, head).Order()];

    /// <summary>Held positions of a head by slot.</summary>
    public int[] Slots(int layer = 0, int head = 0)
    {
        var positions = new int[Cache.Held(layer, head)];
        Cache.CopyPositions(layer, head, positions);
        return positions;
    }

    public void Dispose()
    {
        Cache.Dispose();
        _workers.Dispose();
    }

    private void Append(int layer, int from, int to)
    {
        Cache.Reserve(layer, to - from);
        for (int head = 0; head < Cache.Shape.KvHeads; head++)
        {
            for (int p = from; p < to; p++)
            {
                float score = _score(layer, head, p);
                Cache.Append(layer, head, [score, score, layer, head], [p, p + 1, layer, head], p);
            }
        }
    }
}
