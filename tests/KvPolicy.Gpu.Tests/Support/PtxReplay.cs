#if PTX_EMULATOR
using System.Runtime.InteropServices;
using ILGPU;
using ILGPU.Runtime;

namespace KvPolicy.Gpu.Tests;

/// <summary>
/// While it lives, every launch of this thread also runs as PTX in the interpreter, from a copy of the same memory and under two warp
/// schedules with the race check on. What the schedules leave must be equal to the byte, and what the simulator leaves must be that too:
/// whole numbers exactly, floats within 1e-5 of the largest value.
/// </summary>
internal sealed unsafe class PtxReplay : IDisposable
{
    private const double Tolerance = 1e-5;
    private readonly Dictionary<string, int> _launches = [];

    public PtxReplay() => KernelTrace.Observer = Observe;

    /// <summary>How many launches of each kernel were replayed and agreed.</summary>
    public IReadOnlyDictionary<string, int> Launches => _launches;

    public void Dispose() => KernelTrace.Observer = null;

    private Action Observe(GpuKernel kernel, AcceleratorStream stream, Index2D grid, object arguments)
    {
        stream.Synchronize();
        _launches[kernel.Name] = _launches.GetValueOrDefault(kernel.Name) + 1;
        List<PtxResult> expected = PtxRunner.RunUnderAllSchedules(kernel, grid, arguments);
        return () =>
        {
            stream.Synchronize();
            foreach (PtxResult buffer in expected) Compare(kernel.Name, buffer);
        };
    }

    private static void Compare(string kernel, PtxResult expected)
    {
        var actual = new ReadOnlySpan<byte>((void*)expected.Buffer.NativePtr, expected.Bytes.Length);
        if (expected.Element == typeof(float)) Closeness.Check(MemoryMarshal.Cast<byte, float>(expected.Bytes), MemoryMarshal.Cast<byte, float>(actual), Tolerance, kernel);
        else Assert.True(actual.SequenceEqual(expected.Bytes), $"{kernel}: PTX and simulator differ in {expected.Element.Name}");
    }
}
#endif
