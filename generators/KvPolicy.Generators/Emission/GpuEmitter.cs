using KvPolicy.Generators.Helpers;
using KvPolicy.Generators.Model;
using KvPolicy.Generators.Planning;

namespace KvPolicy.Generators.Emission;

/// <summary>Writes <c>Name.Gpu.g.cs</c>: the passes as ILGPU kernels, what loads and launches them, and their list.</summary>
internal sealed class GpuEmitter
{
    private readonly SourceWriter _writer = GeneratedFile.Begin();
    private readonly KernelPlan _plan;
    private readonly List<GpuKernelModel> _kernels;

    private GpuEmitter(KernelPlan plan) => (_plan, _kernels) = (plan, [.. GpuKernelModel.Of(plan)]);

    public static string Emit(KernelPlan plan)
    {
        var emitter = new GpuEmitter(plan);
        GeneratedFile.Partial(emitter._writer, plan.Model.Type, "", emitter.Members);
        if (emitter._kernels.Count > 0) emitter.Types();
        return emitter._writer.ToString();
    }

    private void Members()
    {
        _writer.Line("/// <inheritdoc/>");
        _writer.Line(GeneratedFile.Attributes);
        _writer.Line($"public global::System.Collections.Generic.IReadOnlyList<global::KvPolicy.GpuKernel> GpuKernels => {(_kernels.Count == 0 ? "[]" : "global::KvPolicy.Generated.GpuPasses.Kernels")};");
        _writer.Space();
        _writer.Line("/// <inheritdoc/>");
        _writer.Line(GeneratedFile.Attributes);
        string passes = $"new global::KvPolicy.Generated.GpuPasses({string.Join(", ", Arguments().Select(argument => argument.Value).Prepend("accelerator"))})";
        _writer.Line($"public global::KvPolicy.IGpuPasses? LoadGpu(global::ILGPU.Runtime.Accelerator accelerator) => {(_kernels.Count == 0 ? "null" : passes)};");
    }

    // What the kernels take from the instance, each once.
    private IEnumerable<PassArgument> Arguments() => _kernels.SelectMany(kernel => kernel.Arguments).Distinct();

    private void Types()
    {
        _writer.Space();
        using (_writer.Open("namespace KvPolicy.Generated"))
        {
            _writer.Line("using global::System;");
            _writer.Line("using global::ILGPU;");
            _writer.Line("using global::ILGPU.Runtime;");
            _writer.Line($"using Policy = {_plan.Model.Type.FullName};");
            _writer.Space();
            Kernels();
            _writer.Space();
            Passes();
        }
    }

    private void Kernels()
    {
        _writer.Line("/// <summary>The kernels. A tile is 32 keys, one for each lane of a warp, so that a warp reads 32 keys' channel in one transaction.</summary>");
        _writer.Line(GeneratedFile.TypeAttributes);
        using (_writer.Open("file static class Kernels"))
        {
            foreach (GpuKernelModel kernel in _kernels)
            {
                _writer.Space();
                _writer.Line($"/// <summary>{kernel.Summary}</summary>");
                // A project may check arithmetic; kernels cannot throw.
                using (_writer.Open($"public static void {kernel.Name}({Signature(kernel)})"))
                using (_writer.Open("unchecked")) kernel.Body(_writer);
            }

            if (_kernels.Any(kernel => kernel.Pass?.Observations.Any() == true))
            {
                _writer.Space();
                GpuObserveWriter.Helpers(_writer);
            }
        }
    }

    private static string Signature(GpuKernelModel kernel)
        => string.Join(", ", kernel.Views.Select(view => $"{view.Type} {view.Name}").Concat(kernel.Arguments.Select(argument => $"{argument.Type} {argument.Name}")));

    private void Passes()
    {
        _writer.Line("/// <summary>The kernels loaded for one accelerator, with the numbers of one instance.</summary>");
        _writer.Line(GeneratedFile.TypeAttributes);
        string parameters = string.Join(", ", Arguments().Select(argument => $"{argument.Type} {argument.Name}").Prepend("Accelerator accelerator"));
        using (_writer.Open($"file sealed class GpuPasses({parameters}) : IGpuPasses"))
        {
            foreach (GpuKernelModel kernel in _kernels)
                _writer.Line($"private readonly Action<AcceleratorStream, KernelConfig, {Types(kernel)}> _{kernel.Field} = accelerator.LoadKernel<{Types(kernel)}>(Generated.Kernels.{kernel.Name});");
            _writer.Space();
            _writer.Line("/// <summary>For compilation and inspection without a device.</summary>");
            _writer.Line("public static global::System.Collections.Generic.IReadOnlyList<GpuKernel> Kernels { get; } =");
            _writer.Line("[");
            using (_writer.Indent())
            {
                foreach (GpuKernelModel kernel in _kernels)
                    _writer.Line($"new GpuKernel({Literal.Code($"{_plan.Model.Type.Name}.{kernel.Name}")}, ((Action<{Types(kernel)}>)Generated.Kernels.{kernel.Name}).Method, {Literal.Text(kernel.GroupSize)}, {Literal.Code(kernel.Mapping)}),");
            }

            _writer.Line("];");
            Launch("Score", "AcceleratorStream stream, GpuLayer layer, ArrayView<float> scores");
            Launch("Pool", "AcceleratorStream stream, ArrayView<float> scores, ArrayView<float> pooled, int heads, int stride, int first, int count");
            Launch("Decode", "AcceleratorStream stream, GpuLayer layer, ArrayView<float> scores");
        }
    }

    private static string Types(GpuKernelModel kernel)
        => string.Join(", ", kernel.Views.Select(view => view.Type).Concat(kernel.Arguments.Select(argument => argument.Type)));

    private void Launch(string name, string parameters)
    {
        GpuKernelModel? kernel = _kernels.FirstOrDefault(known => known.Name == name);
        _writer.Space();
        if (kernel is null)
        {
            _writer.Line("/// <summary>The policy has no such pass.</summary>");
            using (_writer.Open($"public void {name}({parameters})")) { }
            return;
        }

        _writer.Line("/// <inheritdoc/>");
        string arguments = string.Join(", ", kernel.Views.Select(view => view.Name).Concat(kernel.Arguments.Select(argument => argument.Name)));
        using (_writer.Open($"public void {name}({parameters})"))
        {
            if (name == "Pool") _writer.Line("if (count == 0) return;");
            _writer.Line($"_{kernel.Field}(stream, new KernelConfig(new Index3D({kernel.GridX}, {kernel.GridY}, 1), new Index3D({Literal.Text(kernel.GroupSize)}, 1, 1)), {arguments});");
        }
    }
}
