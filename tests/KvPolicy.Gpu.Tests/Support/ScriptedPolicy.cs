using ILGPU;
using ILGPU.Runtime;

namespace KvPolicy.Gpu.Tests;

/// <summary>
/// A policy written by hand, on both devices, whose scores are read off the cache: a key's score is its first channel (decode: its second),
/// added up over the heads where they share, added to the state where there is one; pooling is the maximum of three.
/// </summary>
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
        => binder.Use(new HostPasses(0, Plan.HasState, Plan.Share != Scope.Head), new HostPasses(1, Plan.HasState, Plan.Share != Scope.Head));

    public IGpuPasses LoadGpu(Accelerator accelerator) => new GpuPasses(accelerator, Plan);

    private readonly struct HostPasses(int channel, bool state, bool shared) : IPrefillPasses, IDecodePasses
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

    private sealed class GpuPasses(Accelerator accelerator, PolicyPlan plan) : IGpuPasses
    {
        private readonly Kernel<(GpuLayer Layer, ArrayView<float> Scores, int Channel, int Shared)> _score = new(accelerator, ScoreKernel, 32, "Scripted.Score");
        private readonly Kernel<(ArrayView<float> Scores, ArrayView<float> Pooled, int Stride, int First, int Count)> _pool = new(accelerator, PoolKernel, 32, "Scripted.Pool");

        public void Score(AcceleratorStream stream, GpuLayer layer, ArrayView<float> scores) => Launch(stream, layer, scores, 0);

        public void Decode(AcceleratorStream stream, GpuLayer layer, ArrayView<float> scores) => Launch(stream, layer, scores, 1);

        public void Pool(AcceleratorStream stream, ArrayView<float> scores, ArrayView<float> pooled, int heads, int stride, int first, int count)
            => _pool.Launch(stream, ((count + 31) / 32, heads), (scores, pooled, stride, first, count));

        private void Launch(AcceleratorStream stream, GpuLayer layer, ArrayView<float> scores, int channel)
        {
            bool shared = plan.Share != Scope.Head;
            _score.Launch(stream, ((layer.MaxHeld + 31) / 32, shared ? 1 : layer.KvHeads), (layer, scores, channel, shared ? 1 : 0));
        }
    }

    private static void ScoreKernel((GpuLayer Layer, ArrayView<float> Scores, int Channel, int Shared) a)
    {
        int tile = Grid.IdxX, head = Grid.IdxY, slot = tile * 32 + Group.IdxX;
        if (slot >= a.Layer.Held[head]) return;
        float score = 0f;
        for (int h = head; h <= (a.Shared != 0 ? a.Layer.KvHeads - 1 : head); h++) score += a.Layer.Keys[a.Layer.Tile(h, tile) + a.Channel * 32 + Group.IdxX];
        if (a.Layer.HasState)
        {
            score += a.Layer.State[a.Layer.Slot(head, slot)];
            a.Layer.State[a.Layer.Slot(head, slot)] = score;
        }

        a.Scores[(long)head * a.Layer.ScoreStride + slot] = score;
    }

    private static void PoolKernel((ArrayView<float> Scores, ArrayView<float> Pooled, int Stride, int First, int Count) a)
    {
        int i = Grid.IdxX * 32 + Group.IdxX;
        if (i >= a.Count) return;
        long row = (long)Grid.IdxY * a.Stride + a.First;
        a.Pooled[row + i] = Math.Max(a.Scores[row + i], Math.Max(a.Scores[row + Math.Max(i - 1, 0)], a.Scores[row + Math.Min(i + 1, a.Count - 1)]));
    }
}
