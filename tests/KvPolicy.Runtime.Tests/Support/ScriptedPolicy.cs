using ILGPU.Runtime;

namespace KvPolicy.Runtime.Tests;

/// <summary>A policy written by hand whose scores are read off the cache itself: a key's score is its first channel (decode: its second).</summary>
internal sealed class ScriptedPolicy(PolicyPlan plan) : IKvPolicy
{
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

    public void Bind<TBinder>(ref TBinder binder) where TBinder : IPassBinder, allows ref struct
        => binder.Use(new Passes(0, Plan.HasState, Plan.Share != Scope.Head), new Passes(1, Plan.HasState, Plan.Share != Scope.Head));

    public IGpuPasses? LoadGpu(Accelerator accelerator) => null;

    /// <summary>Scores are a channel of the key (summed over heads where shared), added to the state where there is one; pooling is the maximum of three.</summary>
    private readonly struct Passes(int channel, bool state, bool shared) : IPrefillPasses, IDecodePasses
    {
        public void Score(in LayerView layer, int head, int tile, Span<float> scores)
        {
            scores.Clear();
            for (int h = shared ? 0 : head; h <= (shared ? layer.KvHeads - 1 : head); h++)
            {
                ReadOnlySpan<float> keys = layer.Keys(h, tile);
                for (int j = 0; j < LayerView.TileKeys; j++) scores[j] += keys[channel * LayerView.TileKeys + j];
            }

            if (!state) return;
            Span<float> sums = layer.State(head, tile);
            for (int j = 0; j < LayerView.TileKeys; j++) scores[j] = sums[j] += scores[j];
        }

        public void Pool(ReadOnlySpan<float> scores, Span<float> pooled)
        {
            for (int i = 0; i < scores.Length; i++)
                pooled[i] = Math.Max(scores[i], Math.Max(scores[Math.Max(i - 1, 0)], scores[Math.Min(i + 1, scores.Length - 1)]));
        }
    }
}
