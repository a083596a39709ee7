using KvPolicy.Generators.Diagnostics;
using KvPolicy.Generators.Tests.Support;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace KvPolicy.Generators.Tests.Emission;

/// <summary>What is generated compiles without a warning, wherever the policy stands.</summary>
public class CompilationTests
{
    private const string Hooks = """
        {
            /// <summary>Score.</summary>
            public static float Score([Observe(Rows.All)] float attention, float keyNorm, float valueNorm, int position, int length, int layer, int layers, int head, [Draw(Scope.Model)] float random, float beta = 2f, int @in = 3)
                => attention * beta + keyNorm - valueNorm + position - length + layer / layers - head * random + @in;
        }
        """;

    public static IEnumerable<object[]> Shipped => ShippedPolicies.Names.Select(name => new object[] { name });

    public static TheoryData<string, string> Places => new()
    {
        { "the global namespace", $"/// <summary>P.</summary>\n[KvPolicy, Prefill(Keep = 0.5f), Decode] public partial class P {Hooks}" },
        { "a nested class", $"namespace A.B; /// <summary>O.</summary>\npublic partial class Outer {{ internal partial struct Inner {{ [KvPolicy, Prefill, Decode] internal sealed partial class P {Hooks} }} }}" },
        { "names that are keywords", $"namespace @class.@namespace; [KvPolicy, Prefill, Decode] internal partial class @event {Hooks}" },
        { "two classes of one name", $"namespace A {{ [KvPolicy, Prefill, Decode] internal partial class P {Hooks} }} namespace B {{ [KvPolicy, Prefill, Decode] internal partial class P {Hooks} }}" },
        { "every unit and scope", $$"""
            namespace A;
            [KvPolicy, Prefill(Unit.Chunk, Tokens = 32), Share(Scope.Layer, Reduce.Mean), Pool(Pooling.Max, 7)] internal partial class One {{Hooks}}
            [KvPolicy, Prefill(Unit.Shot, Packing = Packing.Skip), Share(Scope.Model), Decode(Of = Base.All, Keep = 0.3f)] internal partial class Two {{Hooks}}
            [KvPolicy, Decode(Tokens = 64)] internal partial class Three {{Hooks}}
            [KvPolicy] internal partial class Four;
            [KvPolicy, Prefill] internal partial class Five { public static float Score([Observe(Rows.Last, 3, Reduce = Reduce.Sum)] float attention) => attention; }
            [KvPolicy, Prefill, Decode] internal partial class Six { public static float ScorePrefill([Observe(Rows.Last, 3)] float attention) => attention; public static float ScoreDecode([Observe(Rows.All, Reduce = Reduce.Mean)] float attention) => attention; }
            [KvPolicy, Prefill] internal partial class Seven { public static float Score(int length) => length; }
            [KvPolicy, Prefill(Unit.Shot), Decode] internal partial class Eight { public static float ScorePrefill([Draw(Scope.Head, Unit.Shot)] float random) => random; public static float ScoreDecode(float random) => random; }
            [KvPolicy, Prefill, Share(Scope.Layer)] internal partial class Nine { public static float Score(float layer, int layers, int head) => layer / layers + head; }
            """ },
    };

    [Theory]
    [MemberData(nameof(Shipped))]
    public void Shipped_policies_compile_without_a_warning(string policy) => Assert.Empty(Harness.CompilerDiagnostics(ShippedPolicies.Source(policy)));

    [Theory]
    [MemberData(nameof(Places))]
    public void A_policy_compiles_without_a_warning_in(string place, string source)
    {
        _ = place;
        Assert.Empty(Harness.CompilerDiagnostics("global using KvPolicy; global using System;", source));
    }

    [Fact]
    public void Types_named_like_those_of_the_generated_code_do_no_harm()
    {
        string[] names =
        [
            "Math", "MathF", "Index2D", "Index3D", "Kernels", "Accelerator", "Span", "ReadOnlySpan", "KeyTile", "LayerView", "GpuLayer", "ArrayView", "Group", "Grid", "Warp", "Policy",
            "PrefillPasses", "DecodePasses", "GpuPasses", "System", "Generated", "Float4", "Action", "Single", "Int32", "PolicyInfo", "PolicyValues", "Budget", "IKvPolicy", "SharedMemory", "Draws",
        ];
        string hostile = string.Concat(names.Select(name => $"internal class {name} {{ }} "));
        string policy = $"/// <summary>P.</summary>\n[global::KvPolicy.KvPolicy, global::KvPolicy.Prefill(Keep = 0.5f), global::KvPolicy.Decode, global::KvPolicy.Pool(global::KvPolicy.Pooling.Max, 3)] public partial class P {Hooks}"
            .Replace("[Draw(Scope.Model)]", "[global::KvPolicy.Draw(global::KvPolicy.Scope.Model)]", StringComparison.Ordinal).Replace("[Observe(Rows.All)]", "[global::KvPolicy.Observe(global::KvPolicy.Rows.All)]", StringComparison.Ordinal).Replace("<summary>Score.</summary>", "", StringComparison.Ordinal);
        Assert.Empty(Harness.CompilerDiagnostics($"namespace Hostile {{ {hostile}\n{policy} }}"));
    }

    [Fact]
    public void Kernels_and_loops_are_unchecked_where_a_project_checks_arithmetic()
    {
        CSharpCompilation checking = Harness.Compile("global using KvPolicy;", $"namespace A; [KvPolicy, Prefill, Decode, Pool(Pooling.Max, 3)] internal partial class P {Hooks}");
        checking = checking.WithOptions(checking.Options.WithOverflowChecks(true));
        Harness.Driver().RunGeneratorsAndUpdateCompilation(checking, out Compilation output, out _);
        int seen = 0;
        foreach (SyntaxTree tree in output.SyntaxTrees)
        {
            SemanticModel model = output.GetSemanticModel(tree);
            foreach (TypeDeclarationSyntax type in tree.GetRoot().DescendantNodes().OfType<TypeDeclarationSyntax>().Where(type => type.Identifier.Text is "Kernels" or "PrefillPasses" or "DecodePasses"))
            {
                foreach (BinaryExpressionSyntax expression in type.DescendantNodes().OfType<BinaryExpressionSyntax>())
                {
                    if (model.GetOperation(expression) is not IBinaryOperation { Type.SpecialType: SpecialType.System_Int32 or SpecialType.System_Int64 } operation) continue;
                    Assert.False(operation.IsChecked, expression.ToString());
                    seen++;
                }
            }
        }

        Assert.True(seen > 50, $"{seen} expressions");
    }

    [Fact]
    public void A_policy_in_a_namespace_of_ours_compiles() => Assert.Empty(Harness.CompilerDiagnostics("global using KvPolicy;", $"namespace KvPolicy.Generated.Mine {{ [KvPolicy, Prefill, Decode] internal partial class P {Hooks} }}"));

    [Fact]
    public void Types_beside_those_of_the_library_do_no_harm()
    {
        const string Beside = "namespace KvPolicy { internal class Math; internal class MathF; internal class Span; internal class Index3D; internal class Group; internal class Action; } ";
        Assert.Empty(Harness.CompilerDiagnostics("global using KvPolicy;", Beside + $"namespace KvPolicy.Mine {{ [KvPolicy, Prefill, Decode, Pool(Pooling.Max, 3)] internal partial class P {Hooks} }}"));
    }

    [Fact]
    public void Names_that_differ_in_case_alone_have_files_of_their_own()
    {
        string source = Harness.Usings + $"namespace A {{ [KvPolicy, Prefill, Decode] internal partial class Norm {Hooks} [KvPolicy, Prefill, Decode] internal partial class norm2 {Hooks} [KvPolicy, Prefill, Decode] internal partial class NORM {Hooks} [PolicyCatalog] internal static partial class List; [PolicyCatalog] internal static partial class LIST; }}";
        Assert.Empty(Harness.CompilerDiagnostics(source).Where(diagnostic => diagnostic.Id != "CS8981"));
        Assert.Equal(
            ["A.LIST-1.Catalog.g.cs", "A.List-2.Catalog.g.cs", "A.NORM-1.Plan.g.cs", "A.Norm-2.Plan.g.cs", "A.norm2.Plan.g.cs"],
            Harness.Files(source).Keys.Where(name => name.EndsWith(".Plan.g.cs", StringComparison.Ordinal) || name.EndsWith(".Catalog.g.cs", StringComparison.Ordinal)).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void An_attribute_written_twice_is_the_compilers_to_refuse()
        => Assert.Equal("CS0579", Assert.Single(Harness.CompilerDiagnostics(Harness.Usings + $"[KvPolicy] internal partial class P {Hooks} [KvPolicy, Prefill, Decode] partial class P {{ }}")).Id);

    [Theory]
    [InlineData("struct")]
    [InlineData("record struct")]
    [InlineData("interface")]
    [InlineData("enum")]
    public async Task An_attribute_on_what_is_no_class_is_the_compilers_to_refuse(string kind)
    {
        string source = Harness.Usings + $"[KvPolicy, Prefill] public {(kind == "enum" ? "" : "partial ")}{kind} P {{ }} [PolicyCatalog] public {(kind == "enum" ? "" : "partial ")}{kind} C {{ }}";
        Assert.All(Harness.CompilerDiagnostics(source).Where(diagnostic => diagnostic.Id != "CS1591"), diagnostic => Assert.Equal("CS0592", diagnostic.Id));
        Assert.All(await Harness.Diagnostics(source), diagnostic => Assert.Equal("KVP0002", diagnostic.Id));
        Assert.Empty(Harness.Files(source));
    }

    [Fact]
    public async Task A_project_in_an_older_language_is_told_so()
    {
        CSharpCompilation compilation = Harness.Compile(Harness.Usings + $"[KvPolicy, Prefill, Decode] internal partial class P {Hooks} [PolicyCatalog] internal static partial class C {{ }}");
        SyntaxTree tree = compilation.SyntaxTrees.Single();
        compilation = compilation.ReplaceSyntaxTree(tree, tree.WithRootAndOptions(tree.GetRoot(), ((CSharpParseOptions)tree.Options).WithLanguageVersion(LanguageVersion.CSharp13)));
        Diagnostic[] found = [.. await compilation.WithAnalyzers([new PolicyDeclarationAnalyzer(), new CatalogAnalyzer()]).GetAnalyzerDiagnosticsAsync()];
        Assert.Equal(["KVP0002", "KVP0014"], found.Select(diagnostic => diagnostic.Id).Order(StringComparer.Ordinal));
        Assert.All(found, diagnostic => Assert.Contains("needs C# 14", diagnostic.GetMessage(System.Globalization.CultureInfo.InvariantCulture), StringComparison.Ordinal));
        Assert.Empty(Harness.Driver().RunGenerators(compilation).GetRunResult().Results.Single().GeneratedSources);
    }

    [Fact]
    public void A_policy_that_reads_little_gets_little()
    {
        Dictionary<string, string> norm = Harness.Files(ShippedPolicies.Source("KeyNorm")), none = Harness.Files(ShippedPolicies.Source("KeepAll")), positions = Harness.Files(ShippedPolicies.Source("StreamingLlm"));
        foreach (string word in new[] { "Queries", "Query(", "LogSumExp", "Probabilities", "Values(", "Positions", "State", "SharedMemory", "Rows = " })
        {
            Assert.DoesNotContain(norm, file => !file.Key.Contains("Policy.g", StringComparison.Ordinal) && file.Value.Contains(word, StringComparison.Ordinal));
        }

        foreach (string word in new[] { "Keys", "Queries", "Query(", "LogSumExp", "Probabilities", "Values(", "State", "SharedMemory", "Rows = " })
        {
            Assert.DoesNotContain(positions, file => !file.Key.Contains("Policy.g", StringComparison.Ordinal) && file.Value.Contains(word, StringComparison.Ordinal));
        }

        Assert.Contains("default(global::KvPolicy.NoPasses), default(global::KvPolicy.NoPasses)", none["KvPolicy.Policies.KeepAll.Host.g.cs"], StringComparison.Ordinal);
        Assert.Contains("GpuKernels => [];", none["KvPolicy.Policies.KeepAll.Gpu.g.cs"], StringComparison.Ordinal);
    }
}
