using System.Text.RegularExpressions;
using System.Xml.Linq;
using KvPolicy.Cli.Tests.Support;

namespace KvPolicy.Cli.Tests.Architecture;

/// <summary>Who may know whom: Policies -> KvPolicy -> ILGPU; Inference -> KvPolicy; Cli -> all; the generator nothing of ours.</summary>
public partial class DependencyTests
{
    private static readonly Dictionary<string, string[]> Allowed = new()
    {
        ["KvPolicy.Generators"] = [],
        ["KvPolicy.Templates"] = [], // texts, which reference the packages by name
        ["KvPolicy"] = ["KvPolicy.Generators"], // packs it as its analyzer
        ["KvPolicy.Policies"] = ["KvPolicy", "KvPolicy.Generators"],
        ["KvPolicy.Inference"] = ["KvPolicy"],
        ["KvPolicy.Evaluation"] = ["KvPolicy", "KvPolicy.Inference"],
        ["KvPolicy.Cli"] = ["KvPolicy", "KvPolicy.Inference", "KvPolicy.Evaluation", "KvPolicy.Policies"],
    };

    private static readonly string[] OutsideOnly = ["TorchSharp", "LLamaSharp", "BenchmarkDotNet", "Tokenizers.DotNet", "PuppeteerSharp", "Microsoft.Playwright"];

    private static Dictionary<string, string> Projects { get; } = FindProjects();

    [Fact]
    public void Libraries_reference_only_what_lies_below_them()
    {
        foreach ((string name, string path) in Projects.Where(p => !p.Key.EndsWith(".Tests", StringComparison.Ordinal)))
        {
            Assert.True(Allowed.TryGetValue(name, out string[]? allowed), $"{name} has no place in the order of the libraries");
            foreach (string other in References(path, "ProjectReference").Select(Path.GetFileNameWithoutExtension).OfType<string>())
                Assert.True(allowed!.Contains(other), $"{name} must not reference {other}");
        }
    }

    [Fact]
    public void Compiled_libraries_reference_only_what_lies_below_them()
    {
        System.Reflection.Assembly[] ours = [typeof(IKvPolicy).Assembly, typeof(Inference.Models.Model).Assembly, typeof(Evaluation.EvaluationTask).Assembly, typeof(Application).Assembly];
        foreach (System.Reflection.Assembly assembly in ours)
        {
            string name = assembly.GetName().Name!;
            foreach (string other in assembly.GetReferencedAssemblies().Select(a => a.Name!).Where(a => a.StartsWith("KvPolicy", StringComparison.Ordinal)))
                Assert.True(Allowed[name].Contains(other), $"{name} must not use {other}");
        }
    }

    [Fact]
    public void Only_the_foundation_and_the_engine_know_ILGPU_packages()
    {
        foreach (string name in new[] { "KvPolicy.Generators", "KvPolicy.Policies", "KvPolicy.Cli" })
            Assert.DoesNotContain(References(Projects[name], "PackageReference"), p => p.StartsWith("ILGPU", StringComparison.Ordinal));
        Assert.Contains("ILGPU", References(Projects["KvPolicy"], "PackageReference"));
    }

    [Fact]
    public void Nothing_in_the_solution_references_a_peer_or_a_benchmark_package()
    {
        Assert.True(Projects.Count >= 10, $"only {Projects.Count} projects were found");
        foreach ((string name, string path) in Projects)
        {
            foreach (string package in References(path, "PackageReference"))
                Assert.False(OutsideOnly.Any(o => package.StartsWith(o, StringComparison.OrdinalIgnoreCase)), $"{name} must not reference {package}");
        }
    }

    private static IReadOnlyList<string> References(string project, string kind)
        => [.. XDocument.Load(project).Descendants(kind).Select(e => ((string?)e.Attribute("Include") ?? "").Replace('\\', '/')).Where(i => i.Length > 0)];

    private static Dictionary<string, string> FindProjects()
    {
        string solution = Path.Combine(Repository.Root, "KvPolicy.sln");
        return ProjectLine().Matches(File.ReadAllText(solution)).Select(m => Path.Combine(Repository.Root, m.Groups[1].Value.Replace('\\', '/'))).ToDictionary(p => Path.GetFileNameWithoutExtension(p));
    }

    [GeneratedRegex("\"([^\"]+\\.csproj)\"")]
    private static partial Regex ProjectLine();
}
