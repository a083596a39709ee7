using System.Globalization;
using System.Reflection;
using System.Text;
using System.Text.RegularExpressions;
using KvPolicy.Inference.Ops;
using VerifyXunit;

namespace KvPolicy.Gpu.Tests;

/// <summary>What every kernel's PTX must be: self-contained, single precision, in registers, within 48 KB of shared memory.</summary>
public sealed partial class PtxTests
{
    public static TheoryData<string> Kernels()
    {
        var data = new TheoryData<string>();
        foreach (GpuKernel kernel in AllKernels.List) data.Add(kernel.Name);
        return data;
    }

    [Theory, MemberData(nameof(Kernels))]
    public void Compiles_without_calls_doubles_or_local_memory(string name)
    {
        foreach (string architecture in new[] { "sm_80", "sm_90" })
        {
            using var compiler = new PtxCompiler(architecture);
            string ptx = compiler.Compile(AllKernels.Named(name));
            Assert.Contains(".target " + architecture, ptx, StringComparison.Ordinal);
            Assert.DoesNotMatch(@"\bcall\b", ptx);
            Assert.DoesNotContain(".f64", ptx, StringComparison.Ordinal);
            Assert.DoesNotContain(".local", ptx, StringComparison.Ordinal);
            // ILGPU's uniform branches trust values that a divergent branch chose.
            Assert.DoesNotMatch(@"@!?%p\d+\s+bra\.uni", ptx);
            Assert.InRange(SharedBytes(ptx), 0, 48 * 1024);
        }
    }

    [SkippableFact]
    public async Task Instructions_of_every_kernel()
    {
#if DEBUG
        Skip.If(true, "The snapshot is of kernels built with -c Release.");
#endif
        var text = new StringBuilder();
        using var compiler = new PtxCompiler("sm_80");
        foreach (GpuKernel kernel in AllKernels.List)
        {
            string ptx = compiler.Compile(kernel);
            var line = new StringBuilder(string.Create(CultureInfo.InvariantCulture, $"{kernel.Name}: {kernel.GroupSize} threads, {SharedBytes(ptx)} B shared;"));
            foreach ((string name, string pattern) in Classes) line.Append(string.Create(CultureInfo.InvariantCulture, $" {name} {Regex.Count(ptx, pattern, RegexOptions.Multiline)}"));
            text.Append(line).Append('\n');
        }

        await Verifier.Verify(text.ToString(), "txt").UseDirectory("Snapshots").UseFileName("Instructions");
    }

    [Fact]
    public void Every_kernel_that_is_launched_is_listed_and_the_other_way_round()
    {
        var launched = new List<string>();
        foreach (Type owner in new[] { typeof(PolicyKernels), typeof(EngineKernels) })
        {
            object kernels = owner == typeof(PolicyKernels) ? Simulator.Kernels : new EngineKernels(Simulator.Accelerator);
            foreach (PropertyInfo property in owner.GetProperties(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic))
            {
                if (property.PropertyType is { IsGenericType: true } type && type.GetGenericTypeDefinition() == typeof(Kernel<>))
                    launched.Add((string)type.GetProperty("Name")!.GetValue(property.GetValue(kernels))!);
            }
        }

        Assert.Equal(AllKernels.Marked.Select(kernel => kernel.Name).Order(), launched.Order());
    }

    [Fact]
    public void A_method_without_the_mark_is_no_kernel()
        => Assert.Contains("not marked", Assert.Throws<ArgumentException>(() => new Kernel<SelectArguments>(Simulator.Accelerator, Unmarked)).Message, StringComparison.Ordinal);

    private static void Unmarked(SelectArguments a) => a.Kept[0] = 0;

    // What a change of a kernel should not change unnoticed: memory instructions by width, barriers, shuffles, atomics, arithmetic, branches.
    private static readonly (string Name, string Pattern)[] Classes =
    [
        ("ld.global", @"^\s*(@\S+ )?ld\.global(?!\.v4)"), ("ld.global.v4", @"ld\.global\.v4"), ("st.global", @"st\.global"),
        ("ld.shared", @"ld\.shared(?!\.v4)"), ("ld.shared.v4", @"ld\.shared\.v4"), ("st.shared", @"st\.shared"), ("generic", @"^\s*(@\S+ )?(ld|st)\.(v[24]\.)?[bf]\d"),
        ("bar", @"bar\.sync"), ("warpbar", @"bar\.warp|barrier\.warp"), ("shfl", @"shfl\."), ("atom", @"\b(atom|red)\."),
        ("mul.f32", @"mul\.(rn\.)?f32"), ("add.f32", @"add\.(rn\.)?f32"), ("div", @"div\.|rcp\."), ("ex2", @"ex2\."), ("setp", @"setp\."), ("bra", @"\bbra\b"),
    ];

    private static int SharedBytes(string ptx)
        => SharedDeclaration().Matches(ptx).Sum(m => int.Parse(m.Groups["count"].Value, CultureInfo.InvariantCulture) * int.Parse(m.Groups["bits"].Value, CultureInfo.InvariantCulture) / 8);

    [GeneratedRegex(@"\.shared\s+\.align\s+\d+\s+\.b(?<bits>\d+)\s+\w+\[(?<count>\d+)\]")]
    private static partial Regex SharedDeclaration();
}
