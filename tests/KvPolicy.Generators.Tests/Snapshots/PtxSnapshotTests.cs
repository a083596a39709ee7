using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using KvPolicy.Gpu;
using KvPolicy.Policies;
using VerifyXunit;

namespace KvPolicy.Generators.Tests.Snapshots;

/// <summary>What the kernels of the shipped policies become: counts of instructions for each, the whole text for two.</summary>
public class PtxSnapshotTests
{
    // What a change of a kernel should not change unnoticed: memory by width, barriers, shuffles, arithmetic, branches.
    private static readonly string[] Classes =
    [
        "ld.global", "st.global", "ld.shared.v4", "ld.shared.f32", "st.shared", "bar.sync", "shfl", "atom", "fma", "mul.f32", "add.f32", "sqrt", "ex2", "div", "rem", "setp", "bra",
    ];

    [Fact]
    public async Task Instructions()
    {
        using var compiler = new PtxCompiler("sm_90");
        var text = new StringBuilder();
        foreach (GpuKernel kernel in Catalog.All.SelectMany(info => info.Create(new PolicySettings()).GpuKernels))
        {
            string ptx = compiler.Compile(kernel);
            IEnumerable<string> counts = Classes.Select(name => (name, count: Regex.Count(ptx, $@"^\s*(@!?%\w+ )?{Regex.Escape(name)}\b", RegexOptions.Multiline)))
                .Where(one => one.count > 0).Select(one => string.Create(CultureInfo.InvariantCulture, $"{one.name} {one.count}"));
            text.Append(CultureInfo.InvariantCulture, $"{kernel.Name}: {kernel.GroupSize} threads; {string.Join(", ", counts)}\n");
        }

        await Verifier.Verify(text.ToString(), "txt").UseDirectory("Ptx").UseFileName("Instructions");
    }

    [Theory]
    [InlineData("KeyNorm.Score")]
    [InlineData("SnapKv.Pool")]
    public async Task Whole_text(string name)
    {
        using var compiler = new PtxCompiler("sm_90");
        GpuKernel kernel = Catalog.All.SelectMany(info => info.Create(new PolicySettings()).GpuKernels).Single(known => known.Name == name);
        string ptx = compiler.Compile(kernel).Replace("\r\n", "\n", StringComparison.Ordinal);
        await Verifier.Verify(Renumbered(ptx), "txt").UseDirectory("Ptx").UseFileName(name);
    }

    // ILGPU numbers labels and parameters by all that the process compiled so far: count those of this text alone.
    private static string Renumbered(string ptx)
    {
        var labels = new Dictionary<string, int>();
        string text = Regex.Replace(ptx, @"\bL_\d+\b", label => string.Create(CultureInfo.InvariantCulture, $"L_{(labels.TryAdd(label.Value, labels.Count) ? labels.Count - 1 : labels[label.Value])}"));
        return Regex.Replace(text, @"\b(_[a-z]+)_\d+\b", "$1");
    }
}
