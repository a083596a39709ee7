using KvPolicy.Generators.Tests.Support;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace KvPolicy.Generators.Tests.Pipeline;

/// <summary>What an edit makes the generator do again.</summary>
public class IncrementalityTests
{
    private const string Policy = Harness.Usings + """
        namespace Authored;
        /// <summary>One.</summary>
        [KvPolicy, Prefill(Keep = 0.5f), Observe(Rows.Last, 8)]
        public sealed partial class One
        {
            public static float Score(float attention, float beta = 2f) => attention * beta;
        }
        [PolicyCatalog] public static partial class Every;
        """;

    public static TheoryData<string, string, string> Harmless => new()
    {
        { "a comment", "public static float Score", "// a comment\n    public static float Score" },
        { "the hook's body", "attention * beta;", "beta * attention;" },
        { "line ends", "\n", "\r\n" },
        { "another type beside it", "[PolicyCatalog]", "class Other { int x; }\n[PolicyCatalog]" },
        { "another method in it", "public static float Score", "private static int Helper() => 1;\n    public static float Score" },
    };

    public static TheoryData<string, string, string> Telling => new()
    {
        { "the hook's parameters", "float attention, float", "float attention, int position, float" },
        { "a default", "beta = 2f", "beta = 3f" },
        { "an axis", "Keep = 0.5f", "Keep = 0.25f" },
        { "the summary", "One.", "Two." },
    };

    [Theory]
    [MemberData(nameof(Harmless))]
    public void Nothing_is_written_again_after_an_edit_of(string what, string old, string with)
    {
        GeneratorRunResult result = Edit(old, with);
        foreach (string step in new[] { StepNames.Model, StepNames.Plan, StepNames.Catalog })
        {
            Assert.All(Reasons(result, step), reason => Assert.True(reason is IncrementalStepRunReason.Cached or IncrementalStepRunReason.Unchanged, $"{what}: {step} is {reason}"));
        }

        Assert.All(result.TrackedOutputSteps.SelectMany(step => step.Value).SelectMany(step => step.Outputs), output => Assert.Equal(IncrementalStepRunReason.Cached, output.Reason));
    }

    [Theory]
    [MemberData(nameof(Telling))]
    public void The_policy_is_written_again_after_an_edit_of(string what, string old, string with)
    {
        GeneratorRunResult result = Edit(old, with);
        Assert.True(Reasons(result, StepNames.Model).Single() == IncrementalStepRunReason.Modified, what);
        Assert.True(Reasons(result, StepNames.Plan).Single() == IncrementalStepRunReason.Modified, what);
        Assert.Contains(result.TrackedOutputSteps.SelectMany(step => step.Value).SelectMany(step => step.Outputs), output => output.Reason == IncrementalStepRunReason.Modified);
    }

    [Fact]
    public void An_edit_of_one_policy_leaves_the_others()
    {
        const string Other = Harness.Usings + "namespace Authored; [KvPolicy, Prefill(Keep = 0.5f)] public sealed partial class Two { public static float Score(float keyNorm) => -keyNorm; }";
        CSharpCompilation first = Harness.Compile(Policy, Other);
        GeneratorRunResult result = Run(first, first.ReplaceSyntaxTree(first.SyntaxTrees[1], CSharpSyntaxTree.ParseText(Other.Replace("0.5f", "0.1f", StringComparison.Ordinal), (CSharpParseOptions)first.SyntaxTrees[1].Options)));
        Assert.Equal([IncrementalStepRunReason.Cached, IncrementalStepRunReason.Modified], Reasons(result, StepNames.Plan).Order().Reverse().ToArray());
    }

    private static GeneratorRunResult Edit(string old, string with)
    {
        CSharpCompilation first = Harness.Compile(Policy);
        string edited = Policy.Replace(old, with, StringComparison.Ordinal);
        Assert.NotEqual(Policy, edited);
        return Run(first, first.ReplaceSyntaxTree(first.SyntaxTrees[0], CSharpSyntaxTree.ParseText(edited, (CSharpParseOptions)first.SyntaxTrees[0].Options)));
    }

    private static GeneratorRunResult Run(CSharpCompilation first, CSharpCompilation second)
        => Harness.Driver().RunGenerators(first).RunGenerators(second).GetRunResult().Results.Single();

    private static IEnumerable<IncrementalStepRunReason> Reasons(GeneratorRunResult result, string step)
        => result.TrackedSteps[step].SelectMany(run => run.Outputs).Select(output => output.Reason);
}
