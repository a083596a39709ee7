using KvPolicy.Inference;
using KvPolicy.Policies;

namespace KvPolicy.Gpu.Tests;

/// <summary>Every kernel of the project: the marked ones of both libraries, and those of each policy.</summary>
internal static class AllKernels
{
    public static IReadOnlyList<GpuKernel> Marked { get; } = [.. KernelCatalog.Of(typeof(GpuLayer).Assembly), .. KernelCatalog.Of(typeof(InferenceEngine).Assembly)];

    public static IReadOnlyList<GpuKernel> List { get; } = [.. Marked, .. Catalog.All.SelectMany(policy => policy.Create(new PolicySettings()).GpuKernels)];

    public static GpuKernel Named(string name) => List.Single(kernel => kernel.Name == name);
}
