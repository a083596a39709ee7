using ILGPU.Runtime;

namespace KvPolicy.Gpu;

/// <summary>The kernels that every policy shares, loaded for one accelerator.</summary>
internal sealed class PolicyKernels(Accelerator accelerator)
{
    public Accelerator Accelerator { get; } = accelerator;

    public Kernel<SelectArguments> Select { get; } = new(accelerator, SelectKernels.Select);

    public Kernel<UnitArguments> SumChunks { get; } = new(accelerator, UnitKernels.SumChunks);

    public Kernel<UnitArguments> MeanShots { get; } = new(accelerator, UnitKernels.MeanShots);

    public Kernel<UnitArguments> KeepUnits { get; } = new(accelerator, UnitKernels.KeepUnits);

    public Kernel<AddScoresArguments> AddScores { get; } = new(accelerator, ScoreKernels.AddScores);

    public Kernel<CompactArguments> Compact { get; } = new(accelerator, CompactKernels.Compact);

    public Kernel<EvictArguments> Evict { get; } = new(accelerator, EvictKernels.Evict);
}
