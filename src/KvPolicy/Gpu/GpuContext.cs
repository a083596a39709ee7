using ILGPU;
using ILGPU.Algorithms;
using ILGPU.Runtime.CPU;

namespace KvPolicy;

/// <summary>The one place where ILGPU contexts are made, so that every kernel is compiled under the same settings.</summary>
public static class GpuContext
{
    /// <summary>
    /// A context with the algorithms library (exp, log, pow need it) and the simulated device of 32-lane warps.
    /// O1, because at O2 ILGPU 1.5.3 marks branches as uniform (<c>bra.uni</c>) whose condition is a choice between constants made by a
    /// divergent branch; the rest of its optimisations is the same.
    /// </summary>
    /// <param name="devices">Adds further devices; null for none.</param>
    public static Context Create(Action<Context.Builder>? devices = null) => Context.Create(builder =>
    {
        builder.EnableAlgorithms().CPU(CPUDevice.Nvidia).Optimize(OptimizationLevel.O1);
        devices?.Invoke(builder);
    });
}
