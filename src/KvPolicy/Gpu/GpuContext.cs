using ILGPU;
using ILGPU.Algorithms;
using ILGPU.Runtime.CPU;

namespace KvPolicy;

/// <summary>The one place where ILGPU contexts are made, so that every kernel is compiled under the same settings.</summary>
public static class GpuContext
{
    /// <summary>A context with the algorithms library (exp, log, pow need it) and the simulated device of 32-lane warps.</summary>
    public static Context Create() => Context.Create(static builder => builder.EnableAlgorithms().CPU(CPUDevice.Nvidia).Optimize(OptimizationLevel.O2));
}
