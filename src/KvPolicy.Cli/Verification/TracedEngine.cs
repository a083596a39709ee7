using KvPolicy.Inference;
using KvPolicy.Inference.Engine;
using KvPolicy.Inference.Models;
using KvPolicy.Inference.Ops;

namespace KvPolicy.Cli.Verification;

/// <summary>What a traced run does.</summary>
/// <param name="Prompt">[n] ids.</param>
/// <param name="Shots">[n] shots.</param>
/// <param name="Policy">The policy, or null.</param>
/// <param name="Steps">Greedy decode steps.</param>
internal sealed record TracedRun(int[] Prompt, int[] Shots, IKvPolicy? Policy, int Steps)
{
    /// <summary>Order of the prefill.</summary>
    internal PrefillSchedule Schedule { get; init; }

    /// <summary>Rows of a chunk.</summary>
    internal int ChunkRows { get; init; } = SequenceOptions.DefaultChunkRows;
}

/// <summary>What it gave.</summary>
/// <param name="Ids">[steps] greedy ids, each fed to the next step.</param>
/// <param name="Logits">[1 + steps][vocabulary]: after the prefill, after each step.</param>
/// <param name="Held">[1 + steps]: after the prefill, after each step.</param>
/// <param name="HeldAfterChunks">After each chunk of a prefill by chunks; empty for one by layers.</param>
internal sealed record Trace(int[] Ids, float[][] Logits, HeldSet[] Held, IReadOnlyList<HeldSet> HeldAfterChunks)
{
    /// <summary>What differs from another trace to the bit, or null.</summary>
    internal string? DifferenceFrom(Trace other)
    {
        int id = Enumerable.Range(0, Ids.Length).FirstOrDefault(i => Ids[i] != other.Ids[i], -1);
        if (id >= 0) return $"id {id} is {Ids[id]}, not {other.Ids[id]}";
        int held = Enumerable.Range(0, Held.Length).FirstOrDefault(i => !Held[i].Equals(other.Held[i]), -1);
        if (held >= 0) return $"the kept set after step {held} differs";
        int logits = Enumerable.Range(0, Logits.Length).FirstOrDefault(i => !Logits[i].AsSpan().SequenceEqual(other.Logits[i]), -1);
        return logits >= 0 ? $"the logits after step {logits} differ" : null;
    }
}

/// <summary>The engine on the processor, with everything that it holds laid open.</summary>
internal sealed class TracedEngine : IDisposable
{
    private readonly ObservedOps _ops;
    private readonly Transformer _transformer;
    private readonly List<HeldSet> _chunks = [];

    /// <summary>Prepares a model.</summary>
    /// <param name="model">The model.</param>
    /// <param name="threads">Threads.</param>
    /// <param name="maker">Makes stores; null for the device's own.</param>
    internal TracedEngine(Model model, int threads, StoreMaker? maker = null)
    {
        maker ??= static (request, make) => make(request);
        _ops = new ObservedOps(new HostOps(threads), (request, make) => new ChunkRecorder(maker(request, make), request.Config, _chunks));
        _transformer = new Transformer(model, _ops);
    }

    /// <summary>Prefills, compresses, decodes greedily.</summary>
    internal Trace Run(TracedRun run)
    {
        _chunks.Clear();
        (int layers, int kvHeads) = (_transformer.Config.Layers, _transformer.Config.KvHeads);
        var options = new SequenceOptions { Capacity = run.Prompt.Length + run.Steps, Policy = run.Policy, Shots = run.Shots, Schedule = run.Schedule, ChunkRows = run.ChunkRows };
        using var sequence = new Sequence(_transformer, options);
        var logits = new List<float[]> { sequence.Prefill(run.Prompt).ToArray() };
        var held = new List<HeldSet> { HeldSet.Of(sequence.Store, layers, kvHeads, sequence.Length) };
        var ids = new int[run.Steps];
        for (int step = 0; step < run.Steps; step++)
        {
            ids[step] = Array.IndexOf(logits[^1], logits[^1].Max());
            logits.Add(sequence.Decode(ids[step]).ToArray());
            held.Add(HeldSet.Of(sequence.Store, layers, kvHeads, sequence.Length));
        }

        return new Trace(ids, [.. logits], [.. held], [.. _chunks]);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _transformer.Dispose();
        _ops.Dispose();
    }

    // Between two chunks nobody outside the store has a say, so the store itself must be watched.
    private sealed class ChunkRecorder(SequenceStore inner, ModelConfig config, List<HeldSet> chunks) : ForwardingStore(inner)
    {
        private int _tokens;

        public override void Append(int layer, MatrixRows qkv, int firstPosition)
        {
            _tokens = firstPosition + qkv.Count;
            base.Append(layer, qkv, firstPosition);
        }

        public override void FinishChunk(int layer, bool last)
        {
            base.FinishChunk(layer, last);
            if (layer == config.Layers - 1) chunks.Add(HeldSet.Of(Inner, config.Layers, config.KvHeads, _tokens));
        }
    }
}
