#if PTX_EMULATOR
using ILGPU;
using ILGPU.Runtime;
using Xunit.Sdk;

namespace KvPolicy.Gpu.Tests;

/// <summary>The checks of the kernels see the faults that they are for.</summary>
public sealed class PlantedFaultTests
{
    private static readonly GpuKernel Sum = KernelOf(SumWithBarrier), Racy = KernelOf(SumWithoutBarrier), Wrong = KernelOf(SumOffByOne);

    [Fact]
    public void A_missing_barrier_is_a_race()
    {
        Assert.Equal(128 * 127 / 2, Run(Sum));
        Assert.Contains("race", Assert.ThrowsAny<XunitException>(() => Run(Racy)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_thread_left_out_is_a_difference()
        => Assert.ThrowsAny<XunitException>(() => Closeness.Check([128 * 127 / 2], [Run(Wrong)], 1e-5, "sum"));

    private static float Run(GpuKernel kernel)
    {
        using MemoryBuffer1D<float, Stride1D.Dense> result = Simulator.Upload(new float[1]);
        return BitConverter.ToSingle(PtxRunner.RunUnderAllSchedules(kernel, new Index2D(1, 1), result.View.AsContiguous())[0].Bytes);
    }

    private static GpuKernel KernelOf(Action<ArrayView<float>> method) => new(method.Method.Name, method.Method, 128, "");

    private static void SumWithBarrier(ArrayView<float> result)
    {
        ArrayView<float> shared = SharedMemory.Allocate<float>(128);
        shared[Group.IdxX] = Group.IdxX;
        Group.Barrier();
        Reduce(shared, result, 128);
    }

    private static void SumWithoutBarrier(ArrayView<float> result)
    {
        ArrayView<float> shared = SharedMemory.Allocate<float>(128);
        shared[Group.IdxX] = Group.IdxX;
        Reduce(shared, result, 128);
    }

    private static void SumOffByOne(ArrayView<float> result)
    {
        ArrayView<float> shared = SharedMemory.Allocate<float>(128);
        shared[Group.IdxX] = Group.IdxX;
        Group.Barrier();
        Reduce(shared, result, 127);
    }

    private static void Reduce(ArrayView<float> shared, ArrayView<float> result, int count)
    {
        if (Group.IdxX != 0) return;
        float sum = 0f;
        for (int i = 0; i < count; i++) sum += shared[i];
        result[0] = sum;
    }
}
#endif
