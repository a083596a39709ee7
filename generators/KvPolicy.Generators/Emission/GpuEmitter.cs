using KvPolicy.Generators.Helpers;
using KvPolicy.Generators.Planning;

namespace KvPolicy.Generators.Emission;

/// <summary>Writes <c>Name.Gpu.g.cs</c>.</summary>
internal sealed class GpuEmitter
{
    public static string Emit(KernelPlan plan)
    {
        SourceWriter writer = GeneratedFile.Begin();
        GeneratedFile.Partial(writer, plan.Model.Type, "", () =>
        {
            writer.Line("/// <inheritdoc/>");
            writer.Line(GeneratedFile.Attributes);
            writer.Line("public global::System.Collections.Generic.IReadOnlyList<global::KvPolicy.GpuKernel> GpuKernels => [];");
            writer.Space();
            writer.Line("/// <inheritdoc/>");
            writer.Line(GeneratedFile.Attributes);
            writer.Line("public global::KvPolicy.IGpuPasses? LoadGpu(global::ILGPU.Runtime.Accelerator accelerator) => null;");
        });
        return writer.ToString();
    }
}
