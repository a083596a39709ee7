using ILGPU.Runtime;

namespace KvPolicy.Inference.Tests.Engine;

/// <summary>A policy written by hand that adds up the attention it is shown, so that a test can see whether rows, keys and log-sum-exp belong together.</summary>
internal sealed class RecordingPolicy(PolicyPlan plan) : IKvPolicy
{
    private readonly Lock _gate = new();

    public PolicyInfo Info { get; } = new()
    {
        Name = plan.Name,
        Summary = "",
        DefaultKeep = 1,
        PlanText = "",
        Create = _ => throw new NotSupportedException(),
    };

    public PolicyPlan Plan { get; } = plan;

    public IReadOnlyList<GpuKernel> GpuKernels => [];

    /// <summary>Sum over keys of exp(q . k / sqrt(d) - lse), by (layer, query head, position of the row).</summary>
    internal Dictionary<(int Layer, int Head, int Row), double> PrefillMass { get; } = [];

    /// <summary>False: only scores, and allocates nothing.</summary>
    internal bool Records { get; init; } = true;

    /// <summary>Greatest log-sum-exp that was seen.</summary>
    internal double LargestLogSumExp { get; private set; }

    /// <summary>Sum over keys of a decode step's probabilities, by (layer, query head, length).</summary>
    internal Dictionary<(int Layer, int Head, int Length), double> DecodeMass { get; } = [];

    public void Bind<TBinder>(ref TBinder binder) where TBinder : IPassBinder, allows ref struct => binder.Use(new Passes(this), new Passes(this));

    public IGpuPasses? LoadGpu(Accelerator accelerator) => null;

    /// <summary>Snap-like: a prefill budget, and a decode budget of the prompt's k.</summary>
    internal static RecordingPolicy Create(Budget keep, int rows, bool decodes, bool records = true) => new(new PolicyPlan
    {
        Name = "Recording",
        Prefill = new PrefillPlan { Budget = keep, Rows = rows },
        Decode = decodes ? new DecodePlan { Budget = keep, Of = Base.Prompt, ReadsAttention = true } : null,
    })
    {
        Records = records,
    };

    private readonly struct Passes(RecordingPolicy policy) : IPrefillPasses, IDecodePasses
    {
        void IPrefillPasses.Score(in LayerView layer, int head, int tile, Span<float> scores)
        {
            scores.Clear();
            int count = Math.Min(LayerView.TileKeys, layer.Held(head) - tile * LayerView.TileKeys);
            for (int h = head * layer.GroupSize; h < (head + 1) * layer.GroupSize; h++)
            {
                for (int r = 0; r < layer.Rows; r++)
                {
                    double mass = 0;
                    for (int j = 0; j < count; j++)
                    {
                        if (layer.Positions(head, tile)[j] > layer.FirstRowPosition + r) continue;
                        double dot = 0;
                        for (int c = 0; c < layer.HeadDim; c++) dot += (double)layer.Query(h, r)[c] * layer.Keys(head, tile)[c * LayerView.TileKeys + j];
                        double p = Math.Exp(dot / Math.Sqrt(layer.HeadDim) - layer.LogSumExp(h)[r]);
                        scores[j] += (float)p;
                        mass += p;
                    }

                    policy.Look(layer.LogSumExp(h)[r]);
                    policy.Add(policy.PrefillMass, (layer.Layer, h, layer.FirstRowPosition + r), mass);
                }
            }
        }

        void IPrefillPasses.Pool(ReadOnlySpan<float> scores, Span<float> pooled) => scores.CopyTo(pooled);

        void IDecodePasses.Score(in LayerView layer, int head, int tile, Span<float> scores)
        {
            scores.Clear();
            int count = Math.Min(LayerView.TileKeys, layer.Held(head) - tile * LayerView.TileKeys);
            for (int h = head * layer.GroupSize; h < (head + 1) * layer.GroupSize; h++)
            {
                double mass = 0;
                for (int j = 0; j < count; j++)
                {
                    scores[j] += layer.Probabilities(h, tile)[j];
                    mass += layer.Probabilities(h, tile)[j];
                }

                policy.Add(policy.DecodeMass, (layer.Layer, h, layer.Length), mass);
            }
        }
    }

    private void Look(double logSumExp)
    {
        lock (_gate) LargestLogSumExp = Math.Max(LargestLogSumExp, Math.Abs(logSumExp));
    }

    private void Add(Dictionary<(int, int, int), double> sums, (int, int, int) key, double mass)
    {
        if (!Records) return;
        lock (_gate) sums[key] = sums.GetValueOrDefault(key) + mass;
    }
}
