using KvPolicy.Cli.CommandLine;
using KvPolicy.Evaluation;
using KvPolicy.Evaluation.Runs;
using KvPolicy.Inference;

namespace KvPolicy.Cli.Output.Demo;

/// <summary>The demo as text: the table, a plot, what to see, how it was measured.</summary>
internal static class DemoText
{
    private const string FullName = "KeepAll", WithoutName = "no shots";

    /// <summary>As options and JSON name a mode.</summary>
    internal static string NameOf(CompressionMode mode) => mode.ToString().ToLowerInvariant();

    /// <summary>Prints all of it.</summary>
    internal static void Print(Session session, DemoResult result)
    {
        session.Out.WriteLine(Title(result));
        session.Out.WriteLine();
        session.Out.Write(Table(result));
        if (result.Report.Rows.Count > 0 && result.Fragile.Count > 0)
        {
            session.Out.WriteLine();
            DemoPlot.Print(session, result);
            session.Out.WriteLine();
            session.Out.WriteLine(WrappedText.Of(DemoSentence.Of(result)));
        }

        session.Out.WriteLine();
        foreach (string note in DemoNotes.Of(result)) session.Out.WriteLine(WrappedText.Of($"- {note}", indent: 2));
        session.Out.WriteLine();
        session.Out.WriteLine($"{Numbers.Show(result.Took.TotalSeconds, "0")} s");
    }

    /// <summary>A share in whole percent.</summary>
    internal static string Percent(double share) => Numbers.Show(100 * share, "0");

    /// <summary>A share in percent with half the width of its interval: <c>67±13</c>; with a decimal where a table of few columns has room for it.</summary>
    private static string Percent(TaskFigures task, string format)
        => $"{Numbers.Show(100 * task.Accuracy, format)}±{Numbers.Show(50 * (task.Interval.High - task.Interval.Low), format)}";

    private static string Title(DemoResult result)
    {
        EvaluationSettings settings = result.Settings;
        int policies = settings.Cells.Select(cell => cell.Policy).Distinct().Count();
        string what = policies == 0 ? "the full cache" : policies == 1 ? settings.Cells[0].Policy.Name : $"{policies} policies";
        string tasks = string.Join("; ", settings.Tasks.Select(task => $"{task.Name} {task.Title}"));
        return $"kvpolicy demo: {what} on the embedded model\n{WrappedText.Of(tasks)}";
    }

    private static string Table(DemoResult result)
    {
        IReadOnlyList<EvaluationTask> tasks = result.Settings.Tasks;
        var table = new TextColumns([0, 2, .. tasks.Select((_, i) => i == 0 ? 2 : 1), 2, 2, 2, 2, 2, 2]);
        table.Add(["policy", "keep", .. tasks.Select(task => task.Name), "mean", "agree", "kept/n", "KiB", "prefill", "decode"]);
        string format = result.Settings.Cells.Count == 0 ? "0.0" : "0";
        table.Add([FullName, "1", .. Words(result.Report.Full, tasks, format), .. Words(result.Speed.Full)]);
        table.Add([WithoutName, "1", .. Words(result.Report.WithoutShots, tasks, format), "", ""]);
        foreach (CompressionMode mode in result.Modes)
        {
            table.Heading(HeadingOf(mode));
            foreach ((PolicyRow row, TokenRates speed) in result.Rows.Where(entry => entry.Row.Cell.Mode == mode && !entry.Row.Cell.KeepsAll))
                table.Add([row.Cell.Policy.Name, row.Cell.Keep.ToString(), .. Words(row.Figures, tasks, format), .. Words(speed)]);
        }

        return table.ToString();
    }

    private static string HeadingOf(CompressionMode mode) => mode == CompressionMode.Agnostic
        ? $"{NameOf(mode)}: what stands before the question is compressed, the question is read over it"
        : $"{NameOf(mode)}: the question is compressed too, all but its last token";

    private static IEnumerable<string> Words(RowFigures figures, IReadOnlyList<EvaluationTask> tasks, string format) =>
    [
        .. tasks.Select(task => Percent(figures.ByTask[task.Name], format)),
        Percent(figures.Accuracy),
        Percent(figures.Agreement),
        Numbers.Show(figures.Kept, "0.00"),
        Numbers.Show(figures.CacheBytes / 1024, "0"),
    ];

    private static IEnumerable<string> Words(TokenRates speed) => [Numbers.Show(speed.Prefill, "0"), Numbers.Show(speed.Decode, "0")];
}
