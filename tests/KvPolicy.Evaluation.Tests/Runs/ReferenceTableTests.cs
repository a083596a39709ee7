using KvPolicy.Evaluation.Runs;
using KvPolicy.Evaluation.Tests.Support;
using KvPolicy.Inference.Loading;
using KvPolicy.Inference.Models;
using KvPolicy.Policies;

namespace KvPolicy.Evaluation.Tests.Runs;

/// <summary>
/// The reference data hold another model for the same tasks, and what masks in another program made of it: exact match of 200 arithmetic
/// prompts. This engine with its real eviction must find the same of that model, so that what differs between two models is the models'.
/// </summary>
public class ReferenceTableTests
{
    private const int Prompts = 30, ReferencePrompts = 200;

    // keep 0.25, in percent: question not compressed, question compressed.
    private static readonly Dictionary<string, (double Agnostic, double Aware)> Table = new()
    {
        ["RandomTokens"] = (67, 1),
        ["StreamingLlm"] = (46.5, 46.5),
        ["KeyNorm"] = (5.5, 0),
        ["SnapKv"] = (32, 99.5),
        ["H2O"] = (96.5, 99),
        ["ChunkKv"] = (25.5, 89.5),
        ["ShotKv"] = (39, 29.5),
        ["RandomShots"] = (40.5, 30),
    };

    [SkippableFact]
    public void The_engine_finds_what_masks_found()
    {
        using Model model = ModelLoader.Load(Path.GetDirectoryName(RepositoryFiles.Shared("models/kvpolicy-tiny/model.safetensors"))!);
        List<PolicyCell> cells = [.. from mode in Enum.GetValues<CompressionMode>() from name in Table.Keys select new PolicyCell(Catalog.All.Single(p => p.Name == name), 0.25, mode)];
        EvaluationReport report = Evaluator.Run(model, new EvaluationSettings { Tasks = [EvaluationTasks.Arithmetic], Cells = cells, Prompts = Prompts, Seed = 3, Threads = 2 });
        Assert.True(report.Full.Accuracy >= 0.95);
        Assert.All(report.Rows, row => Agrees(row));
    }

    /// <summary>Within three standard errors of the difference.</summary>
    private static void Agrees(PolicyRow row)
    {
        (double agnostic, double aware) = Table[row.Cell.Policy.Name];
        double expected = (row.Cell.Mode == CompressionMode.Agnostic ? agnostic : aware) / 100, p = Math.Clamp(expected, 0.05, 0.95);
        double error = Math.Sqrt(p * (1 - p) * (1.0 / Prompts + 1.0 / ReferencePrompts));
        Assert.True(Math.Abs(row.Figures.Accuracy - expected) <= 3 * error, $"{row.Cell.Policy.Name} {row.Cell.Mode}: {row.Figures.Accuracy:0.00}, the reference has {expected:0.00}");
    }
}
