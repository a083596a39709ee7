using KvPolicy.Evaluation;
using KvPolicy.Evaluation.Runs;
using KvPolicy.Evaluation.Scoring;

namespace KvPolicy.Cli.Output.Demo;

/// <summary>What to see, in one sentence made from the numbers.</summary>
internal static class DemoSentence
{
    private const string Subject = "ShotKv";
    private static readonly (string Policy, string Words)[] Controls = [("RandomShots", "random shots"), ("RandomTokens", "random tokens")];

    /// <summary>The sentence.</summary>
    internal static string Of(DemoResult result)
    {
        MeanInterval full = result.Report.Full.Over(result.Fragile)!.Value, without = result.Report.WithoutShots.Over(result.Fragile)!.Value;
        return $"What to see: the full cache answers {DemoText.Percent(full.Mean)} % of {string.Join(", ", result.Fragile)}, and {DemoText.Percent(without.Mean)} % without the shots; "
            + $"at keep {result.Plotted}, {string.Join("; ", result.Modes.Select(mode => Clause(result, mode)))}.";
    }

    private static string Clause(DemoResult result, CompressionMode mode)
    {
        List<PolicyRow> rows = [.. result.Report.Rows.Where(row => row.Cell.Mode == mode && row.Cell.Keep == result.Plotted && !row.Cell.KeepsAll).OrderByDescending(row => Mean(result, row).Mean)];
        string when = mode == CompressionMode.Agnostic ? "compressed before the question is known" : "compressed together with the question";
        if (rows.Count == 0) return $"{when}, nothing is evicted";
        string range = $"{rows[0].Cell.Policy.Name} answers {DemoText.Percent(Mean(result, rows[0]).Mean)} %";
        if (rows.Count > 1) range += $" and {rows[^1].Cell.Policy.Name} {DemoText.Percent(Mean(result, rows[^1]).Mean)} %";
        return $"{when}, {range}{Comparison(result, rows)}";
    }

    private static string Comparison(DemoResult result, List<PolicyRow> rows)
    {
        if (Find(Subject) is not { } subject) return "";
        string[] against = [.. Controls.Select(control => (Row: Find(control.Policy), control.Words)).Where(control => control.Row is not null).Select(control => Against(result, subject, control.Row!, control.Words))];
        return against.Length == 0 ? "" : $", and {Subject}'s {Interval(Mean(result, subject))} is {string.Join(" and ", against)}";

        PolicyRow? Find(string policy) => rows.FirstOrDefault(row => row.Cell.Policy.Name == policy);
    }

    /// <summary>Where the subject stands to a control: over all tasks, and on which tasks alone their intervals are apart.</summary>
    private static string Against(DemoResult result, PolicyRow subject, PolicyRow control, string words)
    {
        MeanInterval mine = Mean(result, subject), theirs = Mean(result, control);
        string verdict = !mine.IsApartFrom(theirs) ? "not apart from" : mine.Mean > theirs.Mean ? "above" : "below";
        string[] above = [.. result.Fragile.Where(task => Of(subject, task).Low > Of(control, task).High).Select(task => task.Name)];
        string[] below = [.. result.Fragile.Where(task => Of(subject, task).High < Of(control, task).Low).Select(task => task.Name)];
        string[] alone = [.. above.Length > 0 ? [$"above on {string.Join(", ", above)}"] : (string[])[], .. below.Length > 0 ? [$"below on {string.Join(", ", below)}"] : (string[])[]];
        return $"{verdict} the {Interval(theirs)} of {words} (task by task {(alone.Length == 0 ? "apart on none" : string.Join(", ", alone))})";

        static WilsonInterval Of(PolicyRow row, EvaluationTask task) => row.Figures.ByTask[task.Name].Interval;
    }

    private static MeanInterval Mean(DemoResult result, PolicyRow row) => row.Figures.Over(result.Fragile)!.Value;

    private static string Interval(MeanInterval mean) => $"{DemoText.Percent(mean.Mean)} % [{DemoText.Percent(mean.Interval.Low)}, {DemoText.Percent(mean.Interval.High)}]";
}
