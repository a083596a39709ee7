using System.Globalization;
using System.Runtime.Intrinsics;
using KvPolicy.Inference.Ops;

namespace KvPolicy.Inference.Devices;

/// <summary>A device that was opened.</summary>
/// <param name="Ops">Its operations; the caller disposes them.</param>
/// <param name="Note">Why <c>auto</c> took it, or empty.</param>
internal sealed record OpenedDevice(IEngineOps Ops, string Note);

/// <summary>Opens devices by the names of the command line.</summary>
internal static class EngineDevices
{
    /// <summary>What may be asked for.</summary>
    internal static IReadOnlyList<string> Names { get; } = ["auto", "cpu", "simulator", "cuda", "opencl"];

    /// <summary>Opens a device.</summary>
    /// <param name="name">One of <see cref="Names"/>.</param>
    /// <param name="threads">Threads of the host, 0 for one a core.</param>
    /// <exception cref="DeviceException">The name is unknown, or this machine has no such device.</exception>
    internal static OpenedDevice Open(string name, int threads) => name switch
    {
        "cpu" => new OpenedDevice(new HostOps(threads), ""),
        "simulator" => OnGpu("simulator", AcceleratorFinder.Simulator(), ""),
        "cuda" => AcceleratorFinder.TryCuda(out OpenedAccelerator? cuda, out string why) ? OnGpu("cuda", cuda!, "") : throw Missing("cuda", why),
        "opencl" => AcceleratorFinder.TryOpenCl(out OpenedAccelerator? opencl, out string why) ? OnGpu("opencl", opencl!, "") : throw Missing("opencl", why),
        "auto" => Best(threads),
        _ => throw new DeviceException($"device '{name}' is unknown; use one of {string.Join(", ", Names)}"),
    };

    /// <summary>Every device that was looked for, and what was found.</summary>
    internal static IReadOnlyList<DeviceInfo> Find()
    {
        bool cuda = Look(AcceleratorFinder.TryCuda(out OpenedAccelerator? first, out string cudaDetail), first);
        bool opencl = Look(AcceleratorFinder.TryOpenCl(out OpenedAccelerator? second, out string openclDetail), second);
        string width = Vector512.IsHardwareAccelerated ? "512" : Vector256.IsHardwareAccelerated ? "256" : "128";
        return
        [
            new("cpu", true, string.Create(CultureInfo.InvariantCulture, $"{Environment.ProcessorCount} cores, vectors of {width} bits")),
            new("cuda", cuda, cudaDetail),
            new("opencl", opencl, openclDetail),
            new("simulator", true, "the GPU kernels on ILGPU's CPU accelerator, warps of 32 lanes: for tiny models only"),
        ];
    }

    private static OpenedDevice Best(int threads)
    {
        if (AcceleratorFinder.TryCuda(out OpenedAccelerator? cuda, out string noCuda)) return OnGpu("cuda", cuda!, "auto took cuda");
        if (AcceleratorFinder.TryOpenCl(out OpenedAccelerator? opencl, out string noOpenCl)) return OnGpu("opencl", opencl!, $"auto took opencl: {noCuda}");
        return new OpenedDevice(new HostOps(threads), $"auto took cpu: {noCuda}, {noOpenCl}");
    }

    private static OpenedDevice OnGpu(string name, OpenedAccelerator opened, string note) => new(new GpuOps(name, opened.Context, opened.Accelerator), note);

    private static DeviceException Missing(string name, string why) => new($"device '{name}' is not available: {why}; use --device cpu");

    private static bool Look(bool found, OpenedAccelerator? opened)
    {
        opened?.Accelerator.Dispose();
        opened?.Context.Dispose();
        return found;
    }
}
