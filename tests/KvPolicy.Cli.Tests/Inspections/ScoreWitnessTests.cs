using KvPolicy.Cli.Verification;
using KvPolicy.Inference;
using KvPolicy.Inference.Engine;
using KvPolicy.Inference.Loading;
using KvPolicy.Inference.Models;
using KvPolicy.Inference.Ops;
using KvPolicy.Policies;

namespace KvPolicy.Cli.Tests.Inspections;

/// <summary>What <c>inspect</c> shows of a model equals what <c>score</c> makes of the same queries, keys and values as raw tensors.</summary>
public class ScoreWitnessTests
{
    private const int Prompt = 90, Steps = 10;
    private static readonly int[] Ids = [.. Enumerable.Range(0, Prompt).Select(i => 3 + i * i * 7 % 900)];
    private static readonly int[] Shots = [.. Enumerable.Range(0, Prompt).Select(i => i is > 2 and < 75 ? i / 15 : -1)];

    [Theory]
    [InlineData("ShotKv", "0.6")]
    [InlineData("ShotKv", "0.6", "scope=model", "rows=16")]
    [InlineData("SnapKv", "0.4", "window=16", "recent=16")]
    [InlineData("H2O", "0.4")]
    [InlineData("ChunkKv", "0.5", "recent=8")]
    [InlineData("KeyNorm", "0.5")]
    [InlineData("StreamingLlm", "0.5")]
    [InlineData("RandomTokens", "0.5")]
    [InlineData("RandomShots", "0.6")]
    public void The_engine_s_scores_and_kept_sets_are_those_of_the_tensors(string name, string keep, params string[] settings)
    {
        IKvPolicy policy = Catalog.All.Single(p => p.Name == name).Create(new PolicySettings
        {
            Keep = Budget.OfRatio(decimal.Parse(keep, System.Globalization.CultureInfo.InvariantCulture)),
            Values = settings.ToDictionary(s => s.Split('=')[0], s => s.Split('=')[1]),
        });
        using Model model = ModelLoader.Load("embedded");
        using var engine = InferenceEngine.Over(model, new EngineOptions("cpu", Threads: 2));
        Inspection seen = engine.Inspect(new GenerationRequest { Prompt = Ids, Shots = Shots, Policy = policy, MaxTokens = Steps, Sampling = new SamplingOptions(Temperature: 30, Seed: 4) });
        int steps = seen.CachedTokens - Prompt;
        Assert.True(steps > 4, "the model ended its turn too early for this test");
        TensorInput tensors = Capture(model, policy, [.. seen.Tokens.Take(seen.CachedTokens).Select(token => token.Id)]);
        TensorScores expected = TensorScorer.Run(policy, tensors, steps);
        for (int row = 0; row < tensors.Layers * tensors.KvHeads; row++)
        {
            InspectedHead head = seen.Heads[row / tensors.KvHeads][row % tensors.KvHeads];
            for (int p = 0; p < Prompt; p++)
            {
                float want = expected.Scores[row * tensors.Length + p], found = head.Scores[p];
                Assert.True(float.IsNaN(want) ? float.IsNaN(found) : Math.Abs(want - found) <= 1e-5 + 1e-5 * Math.Abs(want), $"row {row}, position {p}: {found}, not {want}");
            }

            Assert.Equal(Held(expected.Kept, row * tensors.Length), head.Kept);
            Assert.Equal(Held(expected.KeptSteps, ((steps - 1) * tensors.Layers * tensors.KvHeads + row) * tensors.Length), head.KeptEnd);
        }

        IEnumerable<int> Held(byte[] kept, int start) => Enumerable.Range(0, tensors.Length).Where(p => kept[start + p] == 1);
    }

    // The queries, keys and values that a run of the model hands to its cache.
    private static TensorInput Capture(Model model, IKvPolicy policy, int[] ids)
    {
        ModelConfig config = model.Config;
        var captured = new Captured(config, ids.Length);
        using var ops = new ObservedOps(new HostOps(2), (request, make) => new CapturingStore(make(request), captured));
        using var transformer = new Transformer(model, ops);
        using var sequence = new Sequence(transformer, new SequenceOptions { Capacity = ids.Length, Policy = policy, Shots = Shots });
        sequence.Prefill(ids.AsSpan(0, Prompt));
        foreach (int id in ids.Skip(Prompt)) sequence.Decode(id);
        return new TensorInput
        {
            Layers = config.Layers,
            QueryHeads = config.QueryHeads,
            KvHeads = config.KvHeads,
            HeadDim = config.HeadDim,
            Length = ids.Length,
            Queries = captured.Queries,
            Keys = captured.Keys,
            Values = captured.Values,
            Shots = [.. Shots, .. Enumerable.Repeat(-1, ids.Length - Prompt)],
        };
    }

    private sealed class Captured(ModelConfig config, int length)
    {
        internal float[] Queries { get; } = new float[config.Layers * config.QueryHeads * length * config.HeadDim];

        internal float[] Keys { get; } = new float[config.Layers * config.KvHeads * length * config.HeadDim];

        internal float[] Values { get; } = new float[config.Layers * config.KvHeads * length * config.HeadDim];

        internal void Take(int layer, int position, ReadOnlySpan<float> row)
        {
            int at = 0;
            foreach ((float[] target, int heads) in new[] { (Queries, config.QueryHeads), (Keys, config.KvHeads), (Values, config.KvHeads) })
            {
                for (int head = 0; head < heads; head++, at += config.HeadDim)
                    row.Slice(at, config.HeadDim).CopyTo(target.AsSpan(((layer * heads + head) * length + position) * config.HeadDim));
            }
        }
    }

    private sealed class CapturingStore(SequenceStore inner, Captured captured) : ForwardingStore(inner)
    {
        public override void Append(int layer, MatrixRows qkv, int firstPosition)
        {
            var matrix = (HostMatrix)qkv.Matrix;
            for (int r = 0; r < qkv.Count; r++)
            {
                unsafe
                {
                    captured.Take(layer, firstPosition + r, new ReadOnlySpan<float>(matrix.Row(qkv.First + r), matrix.Columns));
                }
            }

            base.Append(layer, qkv, firstPosition);
        }
    }
}
