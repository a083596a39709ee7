using System.Text;
using KvPolicy.Inference;
using Spectre.Console;

namespace KvPolicy.Cli.Output.Inspections;

/// <summary>How far a token stayed.</summary>
internal enum Mark
{
    /// <summary>Nowhere.</summary>
    Dropped,

    /// <summary>In some of the heads that are looked at.</summary>
    Some,

    /// <summary>In all of them.</summary>
    Kept,

    /// <summary>It never came into the cache.</summary>
    Uncached,
}

/// <summary>Text of one mark.</summary>
internal readonly record struct MarkedRun(Mark Mark, string Text);

/// <summary>The text of a run with what was kept set off: by colours at a terminal, by brackets elsewhere.</summary>
internal static class MarkedText
{
    private static readonly Dictionary<Mark, (Style Style, string Open, string Close)> Looks = new()
    {
        [Mark.Kept] = (new Style(Color.Green, decoration: Decoration.Bold), "⟦", "⟧"),
        [Mark.Some] = (new Style(Color.Olive), "⟨", "⟩"),
        [Mark.Dropped] = (new Style(decoration: Decoration.Dim), "", ""),
        [Mark.Uncached] = (new Style(Color.Grey, decoration: Decoration.Italic), "‹", "›"),
    };

    /// <summary>Tokens joined where neighbours have one mark, made visible.</summary>
    internal static IReadOnlyList<MarkedRun> Runs(IReadOnlyList<InspectedToken> tokens, IReadOnlyList<Mark> marks)
    {
        var runs = new List<MarkedRun>();
        for (int i = 0; i < marks.Count;)
        {
            Mark mark = marks[i];
            var text = new StringBuilder();
            for (; i < marks.Count && marks[i] == mark; i++) text.Append(VisibleText.Of(tokens[i].Text));
            runs.Add(new MarkedRun(mark, text.ToString()));
        }

        return runs;
    }

    /// <summary>With brackets.</summary>
    internal static string Plain(IEnumerable<MarkedRun> runs) => string.Concat(runs.Select(run => Looks[run.Mark].Open + run.Text + Looks[run.Mark].Close));

    /// <summary>With colours. The text is never markup.</summary>
    internal static Paragraph Coloured(IEnumerable<MarkedRun> runs)
    {
        var paragraph = new Paragraph();
        foreach (MarkedRun run in runs) paragraph.Append(run.Text, Looks[run.Mark].Style);
        return paragraph;
    }

    /// <summary>Writes a line, or several, in the look that the session can show.</summary>
    internal static void WriteLine(Session session, IEnumerable<MarkedRun> runs)
    {
        if (session.Console.Profile.Capabilities.Ansi) session.Console.Write(Coloured(runs));
        else session.Out.Write(Plain(runs));
        session.Out.WriteLine();
    }

    /// <summary>What the marks mean, each in its own look, and an empty line.</summary>
    internal static void WriteKey(Session session, params ReadOnlySpan<MarkedRun> key)
    {
        var line = new List<MarkedRun>();
        foreach (MarkedRun run in key)
        {
            if (line.Count > 0) line.Add(new MarkedRun(Mark.Dropped, "  "));
            line.Add(run);
        }

        WriteLine(session, line);
        session.Out.WriteLine();
    }
}
