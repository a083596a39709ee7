using System.Collections.Immutable;
using Basic.Reference.Assemblies;
using KvPolicy.Generators;
using KvPolicy.Generators.Diagnostics;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Text;

namespace KvPolicy.Generators.Tests.Support;

/// <summary>Source compiled in memory with the generator and the analyzers.</summary>
internal static class Harness
{
    /// <summary>What every source of the tests begins with.</summary>
    public const string Usings = "using KvPolicy; using System; using System.ComponentModel.DataAnnotations;\n";

    private static readonly CSharpParseOptions Options = CSharpParseOptions.Default.WithLanguageVersion(LanguageVersion.Latest).WithDocumentationMode(DocumentationMode.Diagnose);

    private static readonly ImmutableArray<MetadataReference> References =
    [
        .. Net100.References.All,
        MetadataReference.CreateFromFile(typeof(KvPolicyAttribute).Assembly.Location),
        MetadataReference.CreateFromFile(typeof(ILGPU.Context).Assembly.Location),
    ];

    // Every compilation grows from this one, and so shares what it learnt of the references.
    private static readonly CSharpCompilation Empty = CSharpCompilation.Create(
        "Authored",
        [],
        References,
        new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary, nullableContextOptions: NullableContextOptions.Enable, warningLevel: 9999)
            // As every SDK project does: ILGPU was built for an older System.Runtime.
            .WithSpecificDiagnosticOptions([new("CS1701", ReportDiagnostic.Suppress)]));

    public static CSharpCompilation Compile(params string[] sources)
        => Empty.AddSyntaxTrees(sources.Select((source, i) => CSharpSyntaxTree.ParseText(SourceText.From(source, System.Text.Encoding.UTF8), Options, $"Source{i}.cs")));

    public static GeneratorDriver Driver() => CSharpGeneratorDriver.Create(
        [new PolicyGenerator().AsSourceGenerator()], parseOptions: Options, driverOptions: new GeneratorDriverOptions(IncrementalGeneratorOutputKind.None, trackIncrementalGeneratorSteps: true));

    /// <summary>The generated files by hint name.</summary>
    public static Dictionary<string, string> Files(params string[] sources)
        => Driver().RunGenerators(Compile(sources)).GetRunResult().Results.Single().GeneratedSources.ToDictionary(file => file.HintName, file => file.SourceText.ToString());

    /// <summary>What the compiler says of the sources together with what is generated from them.</summary>
    public static ImmutableArray<Diagnostic> CompilerDiagnostics(params string[] sources)
    {
        Driver().RunGeneratorsAndUpdateCompilation(Compile(sources), out Compilation output, out ImmutableArray<Diagnostic> own);
        return [.. own, .. output.GetDiagnostics().Where(diagnostic => diagnostic.Severity >= DiagnosticSeverity.Warning)];
    }

    /// <summary>What our analyzers say, in the order of the source.</summary>
    public static async Task<ImmutableArray<Diagnostic>> Diagnostics(params string[] sources)
    {
        // As in a build, the analyzers see what was generated.
        Driver().RunGeneratorsAndUpdateCompilation(Compile(sources), out Compilation output, out _);
        ImmutableArray<Diagnostic> found = await output.WithAnalyzers([new PolicyDeclarationAnalyzer(), new CatalogAnalyzer(), new KernelSafetyAnalyzer()]).GetAnalyzerDiagnosticsAsync();
        return [.. found.OrderBy(diagnostic => diagnostic.Location.SourceSpan.Start).ThenBy(diagnostic => diagnostic.Id, StringComparer.Ordinal)];
    }
}
