using KvPolicy.Generators.Tests.Support;

namespace KvPolicy.Generators.Tests.Emission;

/// <summary>The policy that docs/getting-started.md writes compiles there without a warning, into the kernel that the page shows.</summary>
public class GettingStartedTests
{
    private static readonly string[] Blocks = [.. ShippedPolicies.Text("docs", "getting-started.md").Split("```").Where((_, i) => i % 2 == 1)];

    private static string Policy => "using KvPolicy;\n" + Body(Blocks.Single(block => block.StartsWith("csharp policies/", StringComparison.Ordinal)));

    [Fact]
    public void Its_policy_compiles() => Assert.Empty(Harness.CompilerDiagnostics(Policy));

    [Fact]
    public async Task Its_policy_is_no_mistake_and_a_misspelt_signal_is()
    {
        Assert.Empty(await Harness.Diagnostics(Policy));
        string misspelt = Policy.Replace("float keyNorm,", "float keyNrom,", StringComparison.Ordinal);
        Assert.Contains(await Harness.Diagnostics(misspelt), found => found.Id == "KVP0005" && found.GetMessage(System.Globalization.CultureInfo.InvariantCulture).Contains("keyNorm", StringComparison.Ordinal));
    }

    [Fact]
    public void Its_kernel_is_the_generated_one()
    {
        string[] source = [.. Harness.Files(Policy)["KvPolicy.Policies.LargeKeys.Gpu.g.cs"].Split('\n').Select(line => line.Trim())];
        int at = 0;
        foreach (string line in Body(Blocks.Single(block => block.StartsWith("csharp\n", StringComparison.Ordinal))).Split('\n').Select(line => line.Trim()).Where(line => line.Length > 0))
        {
            int found = Array.IndexOf(source, line, at);
            Assert.True(found >= 0, $"not in the generated kernel, or in another order: {line}");
            at = found + 1;
        }
    }

    private static string Body(string block) => block[(block.IndexOf('\n', StringComparison.Ordinal) + 1)..];
}
