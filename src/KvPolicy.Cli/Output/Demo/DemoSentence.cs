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
        IEnumerable<string> clauses = result.Modes.Select(mode => Clause(result, mode));
        return $"What to see: the full cache answers {DemoText.Percent(full.Mean)} % of {string.Join(", ", result.Fragile)} and {DemoText.Percent(without.Mean)} % without the shots; "
            + $"at keep {result.Plotted}, {string.Join("; ", clauses)}.";
    }

    private static string Clause(DemoResult result, CompressionMode mode)
    {
        List<(string Policy, MeanInterval Accuracy)> ranking = [.. result.Ranking(mode).Where(entry => result.Report.Rows.Any(row => row.Cell.Policy.Name == entry.Policy && !row.Cell.KeepsAll))];
        string when = mode == CompressionMode.Agnostic ? "compressed before the question is known" : "compressed together with the question";
        if (ranking.Count == 0) return $"{when}, nothing is evicted";
        string range = ranking.Count == 1
            ? $"{ranking[0].Policy} answers {DemoText.Percent(ranking[0].Accuracy.Mean)} %"
            : $"{ranking[0].Policy} answers {DemoText.Percent(ranking[0].Accuracy.Mean)} % and {ranking[^1].Policy} {DemoText.Percent(ranking[^1].Accuracy.Mean)} %";
        return $"{when}, {range}{Comparison(ranking)}";
    }

    private static string Comparison(List<(string Policy, MeanInterval Accuracy)> ranking)
    {
        if (Find(Subject) is not { } subject) return "";
        string[] against = [.. Controls.Where(control => Find(control.Policy) is not null).Select(control => Against(subject, control.Words, Find(control.Policy)!.Value))];
        return against.Length == 0 ? "" : $", and {Subject}'s {Interval(subject)} {string.Join(" and ", against)}";

        MeanInterval? Find(string policy) => ranking.Any(entry => entry.Policy == policy) ? ranking.First(entry => entry.Policy == policy).Accuracy : null;
    }

    private static string Against(MeanInterval subject, string words, MeanInterval other)
    {
        string verdict = !subject.IsApartFrom(other) ? "cannot be told from" : subject.Mean > other.Mean ? "lies above" : "lies below";
        return $"{verdict} the {Interval(other)} of {words}";
    }

    private static string Interval(MeanInterval mean) => $"{DemoText.Percent(mean.Mean)} % [{DemoText.Percent(mean.Interval.Low)}, {DemoText.Percent(mean.Interval.High)}]";
}
