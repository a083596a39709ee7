using System.Reflection;
using KvPolicy.Generators.Diagnostics;
using KvPolicy.Generators.Tests.Support;
using Microsoft.CodeAnalysis;

namespace KvPolicy.Generators.Tests.Diagnostics;

/// <summary>Every diagnostic is said where it should be, and nowhere else.</summary>
public class DiagnosticTests
{
    public static IEnumerable<object[]> Declarations => DeclarationCases.All.Select(one => new object[] { one });

    public static IEnumerable<object[]> Kernels => KernelCases.All.Select(one => new object[] { one });

    public static IEnumerable<object[]> Shipped => ShippedPolicies.Names.Append("Catalog").Select(name => new object[] { name });

    [Theory]
    [MemberData(nameof(Declarations))]
    public async Task A_wrong_declaration_is_refused(DiagnosticCase one)
    {
        string source = Harness.Usings + one.Source.Replace("[|", "", StringComparison.Ordinal).Replace("|]", "", StringComparison.Ordinal);
        Diagnostic found = Assert.Single(await Harness.Diagnostics(source));
        Assert.Equal(one.Id, found.Id);
        Assert.Contains(one.Says, Message(found), StringComparison.Ordinal);
        Assert.Equal(DiagnosticSeverity.Error, found.Severity);
        Assert.Equal(Marked(one.Source), found.Location.SourceTree!.GetText().ToString(found.Location.SourceSpan));
        if (one.FilesOfOthers) Assert.DoesNotContain(Harness.Files(source).Keys, name => name.StartsWith("P.", StringComparison.Ordinal));
        else Assert.Empty(Harness.Files(source));
    }

    [Theory]
    [MemberData(nameof(Kernels))]
    public async Task A_hook_that_no_kernel_can_run_is_refused(DiagnosticCase one)
    {
        string source = Harness.Usings + one.Source.Replace("[|", "", StringComparison.Ordinal).Replace("|]", "", StringComparison.Ordinal);
        Diagnostic[] found = [.. await Harness.Diagnostics(source)];
        string[] ids = one.Id.Split(' ');
        Assert.Equal(ids.Order(), found.Select(diagnostic => diagnostic.Id).Order());
        Assert.Contains(found, diagnostic => diagnostic.Id == ids[0] && Message(diagnostic).Contains(one.Says, StringComparison.Ordinal));
    }

    [Theory]
    [MemberData(nameof(KernelCases.Fine), MemberType = typeof(KernelCases))]
    public async Task Nothing_is_said_of_a_hook_that_kernels_can_run(string body)
        => Assert.Empty(await Harness.Diagnostics(Harness.Usings + KernelCases.Source(body)));

    [Theory]
    [MemberData(nameof(Shipped))]
    public async Task Nothing_is_said_of_shipped_policies(string name) => Assert.Empty(await Harness.Diagnostics(ShippedPolicies.Source(name)));

    [Fact]
    public void Every_descriptor_has_a_case()
    {
        string[] covered = [.. DeclarationCases.All.Concat(KernelCases.All).Select(one => one.Id.Split(' ')[0]).Distinct().Order(StringComparer.Ordinal)];
        Assert.Equal(Descriptors.Select(descriptor => descriptor.Id).Order(StringComparer.Ordinal), covered);
    }

    [Fact]
    public void Every_descriptor_is_said_by_an_analyzer_and_has_an_id_of_its_own()
    {
        string[] supported = [.. new PolicyDeclarationAnalyzer().SupportedDiagnostics.Concat(new CatalogAnalyzer().SupportedDiagnostics).Concat(new KernelSafetyAnalyzer().SupportedDiagnostics).Select(descriptor => descriptor.Id).Order(StringComparer.Ordinal)];
        Assert.Equal(Descriptors.Select(descriptor => descriptor.Id).Order(StringComparer.Ordinal), supported);
        Assert.Equal(supported.Distinct(), supported);
        Assert.All(Descriptors, descriptor => Assert.Equal(descriptor.Id == DiagnosticIds.HookUsesDouble ? DiagnosticSeverity.Warning : DiagnosticSeverity.Error, descriptor.DefaultSeverity));
    }

    private static IEnumerable<DiagnosticDescriptor> Descriptors
        => typeof(DiagnosticDescriptors).GetFields(BindingFlags.Static | BindingFlags.Public).Select(known => known.GetValue(null)).OfType<DiagnosticDescriptor>();

    private static string Message(Diagnostic diagnostic) => diagnostic.GetMessage(System.Globalization.CultureInfo.InvariantCulture);

    private static string Marked(string source)
    {
        int from = source.IndexOf("[|", StringComparison.Ordinal) + 2;
        return source[from..source.IndexOf("|]", from, StringComparison.Ordinal)];
    }
}
