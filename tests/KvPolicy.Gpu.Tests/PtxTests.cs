using System.Globalization;
using System.Text.RegularExpressions;

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
            Assert.InRange(SharedBytes(ptx), 0, 48 * 1024);
        }
    }

    private static int SharedBytes(string ptx)
        => SharedDeclaration().Matches(ptx).Sum(m => int.Parse(m.Groups["count"].Value, CultureInfo.InvariantCulture) * int.Parse(m.Groups["bits"].Value, CultureInfo.InvariantCulture) / 8);

    [GeneratedRegex(@"\.shared\s+\.align\s+\d+\s+\.b(?<bits>\d+)\s+\w+\[(?<count>\d+)\]")]
    private static partial Regex SharedDeclaration();
}
