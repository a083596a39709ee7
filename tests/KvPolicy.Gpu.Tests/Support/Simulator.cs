using ILGPU;
using ILGPU.Runtime;
using ILGPU.Runtime.CPU;

[assembly: CollectionBehavior(DisableTestParallelization = true)]

namespace KvPolicy.Gpu.Tests;

/// <summary>ILGPU's CPU accelerator with warps of 32 lanes, one for the whole run: making it starts a thousand threads.</summary>
internal static class Simulator
{
    private static readonly Context Context = GpuContext.Create();

    public static CPUAccelerator Accelerator { get; } = Context.GetCPUDevice(0).CreateCPUAccelerator(Context, CPUAcceleratorMode.Auto);

    public static PolicyKernels Kernels { get; } = new(Accelerator);

    /// <summary>A buffer that holds <paramref name="data"/>.</summary>
    public static MemoryBuffer1D<T, Stride1D.Dense> Upload<T>(T[] data) where T : unmanaged => Accelerator.Allocate1D(data);

    public static T[] Download<T>(ArrayView<T> view) where T : unmanaged
    {
        Accelerator.Synchronize();
        var data = new T[view.Length];
        view.CopyToCPU(data);
        return data;
    }
}
