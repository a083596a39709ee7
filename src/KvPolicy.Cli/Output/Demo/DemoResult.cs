using KvPolicy.Evaluation;
using KvPolicy.Evaluation.Runs;
using KvPolicy.Evaluation.Scoring;
using KvPolicy.Inference;

namespace KvPolicy.Cli.Output.Demo;

/// <summary>What the demo found.</summary>
/// <param name="Settings">What was asked.</param>
/// <param name="Report">Quality and memory.</param>
/// <param name="Speed">Speed, from runs of its own.</param>
/// <param name="Took">All of it.</param>
internal sealed record DemoResult(EvaluationSettings Settings, EvaluationReport Report, SpeedReport Speed, TimeSpan Took)
{
    private const decimal PlottedKeep = 0.25m;

    /// <summary>Tasks whose answers stand in the prompt, so that compression has something to lose.</summary>
    internal IReadOnlyList<EvaluationTask> Fragile { get; } = [.. Settings.Tasks.Where(task => task.Depends != PromptVariant.Full)];

    /// <summary>The budget of plot and sentence: 0.25, or the nearest that was asked for.</summary>
    internal Budget Plotted => Settings.Cells.Select(cell => cell.Keep).DefaultIfEmpty(Budget.OfRatio(PlottedKeep)).MinBy(keep => Math.Abs(keep.Ratio - PlottedKeep));

    /// <summary>Modes that were asked for.</summary>
    internal IEnumerable<CompressionMode> Modes => Settings.Cells.Select(cell => cell.Mode).Distinct();

    /// <summary>Rows with their speed.</summary>
    internal IEnumerable<(PolicyRow Row, TokenRates Speed)> Rows => Report.Rows.Zip(Speed.Cells);

    /// <summary>The policies of a mode at the plotted budget with their mean over the fragile tasks, best first; equal ones in the order of the catalogue.</summary>
    internal IReadOnlyList<(string Policy, MeanInterval Accuracy)> Ranking(CompressionMode mode) =>
    [
        .. Report.Rows.Where(row => row.Cell.Mode == mode && row.Cell.Keep == Plotted)
            .Select(row => (row.Cell.Policy.Name, Accuracy: row.Figures.Over(Fragile)))
            .Where(entry => entry.Accuracy is not null)
            .Select(entry => (entry.Name, entry.Accuracy!.Value))
            .OrderByDescending(entry => entry.Value.Mean),
    ];
}
