namespace KvPolicy.Gpu.Tests;

/// <summary>Every kernel of the project: the marked ones of both libraries, and those of each policy.</summary>
internal static class AllKernels
{
    public static IReadOnlyList<GpuKernel> List { get; } = [.. KernelCatalog.Of(typeof(GpuLayer).Assembly), .. KernelCatalog.Of(typeof(Inference.InferenceEngine).Assembly)];

    public static GpuKernel Named(string name) => List.Single(k => k.Name == name);
}
