using System.Globalization;
using System.Runtime.InteropServices;
using ILGPU;
using ILGPU.Runtime;
using ILGPU.Runtime.CPU;
using ILGPU.Runtime.Cuda;
using ILGPU.Runtime.OpenCL;

namespace KvPolicy.Inference.Devices;

/// <summary>An accelerator and the context that it belongs to; whoever has them disposes both, the accelerator first.</summary>
internal sealed record OpenedAccelerator(Context Context, Accelerator Accelerator);

/// <summary>Finds ILGPU's accelerators on this machine and says why one is not there. A missing or broken driver is an answer, never an exception.</summary>
internal static class AcceleratorFinder
{
    private const int WarpLanes = 32;

    private static readonly string[] CudaLibraries = ["libcuda.so.1", "nvcuda", "libcuda"];
    private static readonly string[] OpenClLibraries = ["libOpenCL.so.1", "OpenCL", "/System/Library/Frameworks/OpenCL.framework/OpenCL"];

    /// <summary>Opens the first CUDA device.</summary>
    /// <param name="accelerator">The device, or null.</param>
    /// <param name="detail">What it is, or why there is none.</param>
    internal static bool TryCuda(out OpenedAccelerator? accelerator, out string detail)
        => TryOpen(builder => builder.Cuda(), context => context.GetCudaDevices() is [var first, ..] ? first.CreateCudaAccelerator(context) : null, "CUDA", CudaLibraries, out accelerator, out detail);

    /// <summary>Opens the first OpenCL device that ILGPU takes.</summary>
    /// <param name="accelerator">The device, or null.</param>
    /// <param name="detail">What it is, or why there is none.</param>
    internal static bool TryOpenCl(out OpenedAccelerator? accelerator, out string detail)
    {
        var refused = new List<string>();
        if (TryOpen(
            builder => builder.OpenCL(device => Fits(device, refused)),
            context => context.GetCLDevices() is [var first, ..] ? first.CreateCLAccelerator(context) : null,
            "OpenCL",
            OpenClLibraries,
            out accelerator,
            out detail)) return true;
        if (refused.Count > 0) detail = string.Join("; ", refused);
        return false;
    }

    /// <summary>The simulated device of 32-lane warps.</summary>
    internal static OpenedAccelerator Simulator()
    {
        Context context = GpuContext.Create();
        return new OpenedAccelerator(context, context.GetCPUDevice(0).CreateCPUAccelerator(context, CPUAcceleratorMode.Auto));
    }

    private static bool TryOpen(Action<Context.Builder> devices, Func<Context, Accelerator?> open, string kind, string[] libraries, out OpenedAccelerator? accelerator, out string detail)
    {
        (accelerator, Context? context) = (null, null);
        if (!libraries.Any(Loads))
        {
            detail = $"no {kind} driver ({libraries[0]}) is installed";
            return false;
        }

        try
        {
            context = GpuContext.Create(devices);
            if (open(context) is { } device)
            {
                GpuContext.WithoutUniformBranches(context);
                accelerator = new OpenedAccelerator(context, device);
                detail = string.Create(CultureInfo.InvariantCulture, $"{device.Name}, {device.MemorySize / (1024.0 * 1024 * 1024):F1} GiB");
                return true;
            }

            detail = $"the {kind} driver reports no device";
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            // Native libraries of other versions fail in many ways; all of them mean the same here.
            detail = $"the {kind} driver cannot be used: {e.Message.ReplaceLineEndings(" ")}";
        }

        context?.Dispose();
        return false;
    }

    private static bool Loads(string library)
    {
        if (!NativeLibrary.TryLoad(library, out nint handle)) return false;
        NativeLibrary.Free(handle);
        return true;
    }

    // ILGPU needs one address space for shared and global memory, our kernels warps of 32 lanes.
    private static bool Fits(CLDevice device, List<string> refused)
    {
        if (!device.Capabilities.GenericAddressSpace) refused.Add($"{device.Name} has no generic address space, which ILGPU needs");
        else if (device.WarpSize != WarpLanes) refused.Add(string.Create(CultureInfo.InvariantCulture, $"{device.Name} has warps of {device.WarpSize} lanes, the kernels are written for {WarpLanes}"));
        else return true;
        return false;
    }
}
