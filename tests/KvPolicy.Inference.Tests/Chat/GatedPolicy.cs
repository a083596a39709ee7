using ILGPU.Runtime;

namespace KvPolicy.Inference.Tests.Chat;

/// <summary>A policy that keeps everything and, in its decode steps, waits at a gate from the given step on: a generation that cannot end before a test lets it.</summary>
internal sealed class GatedPolicy(int openSteps) : IKvPolicy
{
    // Long enough for any machine; a test that runs into it fails.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private readonly ManualResetEventSlim _gate = new(false);

    private int _steps;

    public PolicyInfo Info { get; } = new()
    {
        Name = "Gated",
        Summary = "",
        DefaultKeep = 1,
        PlanText = "",
        Create = _ => throw new NotSupportedException(),
    };

    public PolicyPlan Plan { get; } = new()
    {
        Name = "Gated",
        // Sums go on, so that the pass runs in every step although nothing is ever evicted.
        Decode = new DecodePlan { Budget = Budget.OfTokens(1_000_000), Of = Base.Prompt, NeedsPrefillState = true },
        HasState = true,
    };

    public IReadOnlyList<GpuKernel> GpuKernels => [];

    /// <summary>Decode steps that were begun.</summary>
    internal int Steps => Volatile.Read(ref _steps);

    /// <summary>True once <see cref="Open"/> was called.</summary>
    internal bool IsOpen => _gate.IsSet;

    internal void Open() => _gate.Set();

    public void Bind<TBinder>(ref TBinder binder) where TBinder : IPassBinder, allows ref struct => binder.Use(default(NoPasses), new Passes(this));

    public IGpuPasses? LoadGpu(Accelerator accelerator) => null;

    private readonly struct Passes(GatedPolicy policy) : IDecodePasses
    {
        void IDecodePasses.Score(in LayerView layer, int head, int tile, Span<float> scores)
        {
            if (layer.Layer != 0 || head != 0 || tile != 0) return;
            if (Interlocked.Increment(ref policy._steps) > policy.OpenSteps && !policy._gate.Wait(Patience)) throw new InvalidOperationException("The gate was never opened.");
        }
    }

    private int OpenSteps { get; } = openSteps;
}
