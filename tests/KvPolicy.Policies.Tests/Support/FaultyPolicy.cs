using ILGPU.Runtime;

namespace KvPolicy.Policies.Tests;

/// <summary>What a faulty pass does to a layer before it hands it to the right one.</summary>
internal delegate LayerView LayerFault(LayerView layer);

/// <summary>A policy with one fault: in what it asks of the runtime, or in what its passes see.</summary>
internal sealed class FaultyPolicy(IKvPolicy right, Func<PolicyPlan, PolicyPlan>? plan = null, LayerFault? layer = null) : IKvPolicy
{
    public PolicyInfo Info => right.Info;

    public PolicyPlan Plan { get; } = plan?.Invoke(right.Plan) ?? right.Plan;

    public IReadOnlyList<GpuKernel> GpuKernels => [];

    public void Bind<TBinder>(ref TBinder binder) where TBinder : IPassBinder, allows ref struct
    {
        if (layer is null)
        {
            right.Bind(ref binder);
            return;
        }

        var capture = new Capture(layer);
        right.Bind(ref capture);
        capture.Passes!.HandOn(ref binder);
    }

    public IGpuPasses? LoadGpu(Accelerator accelerator) => null;

    private interface ICaptured
    {
        void HandOn<TBinder>(ref TBinder binder) where TBinder : IPassBinder, allows ref struct;
    }

    private struct Capture(LayerFault fault) : IPassBinder
    {
        public ICaptured? Passes { get; private set; }

        public void Use<TPrefill, TDecode>(TPrefill prefill, TDecode decode)
            where TPrefill : struct, IPrefillPasses
            where TDecode : struct, IDecodePasses
            => Passes = new Captured<TPrefill, TDecode>(prefill, decode, fault);
    }

    private sealed class Captured<TPrefill, TDecode>(TPrefill prefill, TDecode decode, LayerFault fault) : ICaptured
        where TPrefill : struct, IPrefillPasses
        where TDecode : struct, IDecodePasses
    {
        public void HandOn<TBinder>(ref TBinder binder) where TBinder : IPassBinder, allows ref struct
            => binder.Use(new FaultyPrefill<TPrefill>(prefill, fault), new FaultyDecode<TDecode>(decode, fault));
    }

    private readonly struct FaultyPrefill<T>(T right, LayerFault fault) : IPrefillPasses where T : struct, IPrefillPasses
    {
        public void Score(in LayerView layer, int head, int tile, Span<float> scores) => right.Score(fault(layer), head, tile, scores);

        public void Pool(ReadOnlySpan<float> scores, Span<float> pooled) => right.Pool(scores, pooled);
    }

    private readonly struct FaultyDecode<T>(T right, LayerFault fault) : IDecodePasses where T : struct, IDecodePasses
    {
        public void Score(in LayerView layer, int head, int tile, Span<float> scores) => right.Score(fault(layer), head, tile, scores);
    }
}
