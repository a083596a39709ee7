using System.Reflection;
using System.Text.RegularExpressions;
using ILGPU;
using KvPolicy.Generators.Diagnostics;
using KvPolicy.Generators.Tests.Policies;
using KvPolicy.Generators.Tests.Support;
using KvPolicy.Gpu;
using KvPolicy.Policies;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace KvPolicy.Generators.Tests.Emission;

/// <summary>Every generated kernel becomes PTX that a GPU runs at full speed, and every library method that hooks may call has a body there.</summary>
public class KernelCompilationTests
{
    private static readonly IKvPolicy[] Policies =
    [
        .. Catalog.All.Select(info => info.Create(new PolicySettings())),
        new EverySignal(), new LayerSum(), new LayerMean(), new WindowThenSum(), new SumWhileDecoding(), new RowsOrAll(), new KvPolicy.Generators.Tests.Policies.Hostile.HostilePolicy(),
    ];

    [Theory]
    [InlineData("sm_80")]
    [InlineData("sm_90")]
    public void Kernels_have_no_call_no_double_no_local_memory_and_little_shared_memory(string architecture)
    {
        using var compiler = new PtxCompiler(architecture);
        int compiled = 0;
        foreach (GpuKernel kernel in Policies.SelectMany(policy => policy.GpuKernels))
        {
            string ptx = compiler.Compile(kernel);
            compiled++;
            Assert.DoesNotMatch(@"\bcall\b", ptx);
            Assert.DoesNotMatch(@"\.f64\b", ptx);
            Assert.DoesNotMatch(@"\.local\b", ptx);
            int shared = Regex.Matches(ptx, @"\.shared[^;\[]*\[(\d+)\]").Sum(match => int.Parse(match.Groups[1].Value, System.Globalization.CultureInfo.InvariantCulture));
            Assert.True(shared <= 48 * 1024, $"{kernel.Name}: {shared} bytes of shared memory");
            // The staged queries are read four channels at a time.
            if (shared > 0) Assert.Contains("ld.shared.v4.f32", ptx, StringComparison.Ordinal);
        }

        Assert.True(compiled >= 20, $"{compiled} kernels");
    }

    [Fact]
    public void Library_methods_that_hooks_may_call_compile()
    {
        using var compiler = new PtxCompiler("sm_80");
        MethodInfo[] kernels = typeof(LibraryKernels).GetMethods(BindingFlags.Static | BindingFlags.Public);
        Assert.All(kernels, kernel =>
        {
            string ptx = compiler.Compile(new GpuKernel(kernel.Name, kernel, 32, ""));
            Assert.DoesNotMatch(@"\bcall\b", ptx);
            Assert.DoesNotMatch(@"\.f64\b", ptx);
        });
    }

    [Fact]
    public void Library_methods_that_hooks_may_call_are_those_that_are_compiled_here()
    {
        CSharpCompilation compilation = Harness.Compile("class C { }");
        foreach (string type in new[] { "System.MathF", "System.Math", "System.Single", "System.Int32" })
        {
            foreach (IMethodSymbol method in compilation.GetTypeByMetadataName(type)!.GetMembers().OfType<IMethodSymbol>())
            {
                string kernel = $"{type.Split('.')[1]}_{method.Name}";
                Assert.True(KernelLibrary.Has(method) == (typeof(LibraryKernels).GetMethod(kernel) is not null), kernel);
            }
        }
    }
}
