using KvPolicy.Evaluation.Runs;
using Spectre.Console;

namespace KvPolicy.Cli.Output.Demo;

/// <summary>Bars in the terminal: the mean accuracy of every policy at one budget over the tasks that can lose something.</summary>
internal static class DemoPlot
{
    private const int Width = 50;
    private const string Eighths = " ▏▎▍▌▋▊▉█";

    /// <summary>Prints a group of bars for each mode.</summary>
    internal static void Print(Session session, DemoResult result)
    {
        session.Out.WriteLine($"mean accuracy over {string.Join(", ", result.Fragile)} at keep {result.Plotted}, in %");
        foreach (CompressionMode mode in result.Modes)
        {
            session.Out.WriteLine($"  {DemoText.NameOf(mode)}");
            int width = result.Ranking(mode).Max(entry => entry.Policy.Length);
            foreach ((string policy, var accuracy) in result.Ranking(mode)) Bar(session, policy.PadRight(width), accuracy.Mean, "blue");
            Bar(session, "no shots".PadRight(width), result.Report.WithoutShots.Over(result.Fragile)!.Value.Mean, "grey");
        }
    }

    /// <summary>A bar of full blocks and one of eighths.</summary>
    internal static string BarOf(double share)
    {
        int eighths = (int)Math.Round(Math.Clamp(share, 0, 1) * Width * 8);
        return new string(Eighths[8], eighths / 8) + (eighths % 8 == 0 ? "" : Eighths[eighths % 8]);
    }

    private static void Bar(Session session, string name, double share, string colour)
    {
        string bar = BarOf(share), value = DemoText.Percent(share);
        if (session.IsTerminal) session.Console.MarkupLineInterpolated($"    {name}  [{colour}]{bar}[/] {value}");
        else session.Out.WriteLine($"    {name}  {bar} {value}");
    }
}
