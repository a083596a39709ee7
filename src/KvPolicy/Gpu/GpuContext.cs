using ILGPU;
using ILGPU.Algorithms;
using ILGPU.Runtime;
using ILGPU.Runtime.CPU;

namespace KvPolicy;

/// <summary>The one place where ILGPU contexts are made, so that every kernel is compiled under the same settings.</summary>
public static class GpuContext
{
    /// <summary>A context with the algorithms library (exp, log, pow need it) and the simulated device of 32-lane warps.</summary>
    /// <param name="devices">Adds further devices; null for none.</param>
    public static Context Create(Action<Context.Builder>? devices = null) => Context.Create(builder =>
    {
        builder.EnableAlgorithms().CPU(CPUDevice.Nvidia).Optimize(OptimizationLevel.O2);
        devices?.Invoke(builder);
    });

    /// <summary>
    /// To be called once the context's accelerator or backend exists, and before it compiles. At O2 ILGPU 1.5.3 takes a value that a divergent
    /// branch chose among constants for uniform, and writes <c>bra.uni</c> for branches on it, which a GPU may take wrongly. Passes are
    /// chosen when the backend is made, uniform branches when a kernel is written: lowering the level in between keeps the passes (address
    /// spaces, 16-byte loads, hoisting) and loses the branches.
    /// </summary>
    /// <param name="context">The context.</param>
    internal static void WithoutUniformBranches(Context context)
        => typeof(ContextProperties).GetProperty(nameof(ContextProperties.OptimizationLevel))!.SetValue(context.Properties, OptimizationLevel.O1);
}
