using ILGPU;
using ILGPU.Backends;
using ILGPU.Backends.EntryPoints;
using ILGPU.Backends.PTX;
using ILGPU.Runtime;
using ILGPU.Runtime.Cuda;

namespace KvPolicy.Gpu;

/// <summary>Compiles kernels to PTX; needs neither a GPU nor NVIDIA's software. One thread at a time.</summary>
public sealed class PtxCompiler : IDisposable
{
    private readonly Context _context = GpuContext.Create();
    private readonly PTXBackend _backend;

    /// <summary>A compiler for one architecture.</summary>
    /// <param name="architecture">As NVIDIA names it: <c>sm_80, sm_90</c>.</param>
    /// <exception cref="ArgumentException">An architecture that is not known; the message lists those that are.</exception>
    public PtxCompiler(string architecture)
    {
        if (!Architectures.TryGetValue(architecture, out CudaArchitecture known))
        {
            _context.Dispose();
            throw new ArgumentException($"The architecture '{architecture}' is not known; use one of {string.Join(", ", Architectures.Keys)}.", nameof(architecture));
        }

        Architecture = architecture;
        _backend = new PTXBackend(_context, known, CudaInstructionSet.ISA_80, null!);
        GpuContext.WithoutUniformBranches(_context);
    }

    /// <summary>What can be compiled for.</summary>
    public static IReadOnlyDictionary<string, CudaArchitecture> Architectures { get; } = new SortedDictionary<string, CudaArchitecture>(StringComparer.Ordinal)
    {
        ["sm_75"] = CudaArchitecture.SM_75,
        ["sm_80"] = CudaArchitecture.SM_80,
        ["sm_86"] = CudaArchitecture.SM_86,
        ["sm_89"] = CudaArchitecture.SM_89,
        ["sm_90"] = CudaArchitecture.SM_90,
    };

    /// <summary>The architecture.</summary>
    public string Architecture { get; }

    /// <summary>PTX text of a kernel, complete with its header.</summary>
    public string Compile(GpuKernel kernel)
    {
        var entry = EntryPointDescription.FromExplicitlyGroupedKernel(kernel.Method);
        var compiled = (PTXCompiledKernel)_backend.Compile(entry, KernelSpecialization.Empty);
        // ILGPU 1.5.3 generates for the architecture but writes no target above sm_80 into the header.
        return compiled.PTXAssembly.Replace(".target sm_80", ".target " + Architecture, StringComparison.Ordinal);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _backend.Dispose();
        _context.Dispose();
    }
}
