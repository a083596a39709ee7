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

    /// <summary>One mark as it looks.</summary>
    internal static void Append(Paragraph paragraph, Mark mark, string text) => paragraph.Append(text, Looks[mark].Style);

    /// <summary>One mark with its brackets.</summary>
    internal static void Append(StringBuilder plain, Mark mark, string text) => plain.Append(Looks[mark].Open).Append(text).Append(Looks[mark].Close);

    /// <summary>Writes tokens from .. on; neighbours of one mark are one run.</summary>
    internal static void Write(Session session, IReadOnlyList<InspectedToken> tokens, int from, IReadOnlyList<Mark> marks)
    {
        var coloured = session.Console.Profile.Capabilities.Ansi ? new Paragraph() : null;
        var plain = new StringBuilder();
        for (int i = from; i < marks.Count;)
        {
            int first = i;
            var text = new StringBuilder();
            for (; i < marks.Count && marks[i] == marks[first]; i++) text.Append(VisibleText.Of(tokens[i].Text));
            if (coloured is not null) Append(coloured, marks[first], text.ToString());
            else Append(plain, marks[first], text.ToString());
        }

        if (coloured is not null) session.Console.Write(coloured);
        else session.Out.Write(plain);
        session.Out.WriteLine();
    }

    /// <summary>What the marks mean, each in its own look.</summary>
    internal static void WriteKey(Session session, params ReadOnlySpan<(Mark Mark, string Meaning)> key)
    {
        var coloured = session.Console.Profile.Capabilities.Ansi ? new Paragraph() : null;
        var plain = new StringBuilder();
        foreach ((Mark mark, string meaning) in key)
        {
            if (coloured is not null) coloured.Append("  ");
            else plain.Append(plain.Length > 0 ? "  " : "");
            if (coloured is not null) Append(coloured, mark, meaning);
            else Append(plain, mark, meaning);
        }

        if (coloured is not null) session.Console.Write(coloured);
        else session.Out.Write(plain);
        session.Out.WriteLine();
    }
}
