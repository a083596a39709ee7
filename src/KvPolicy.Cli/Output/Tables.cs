using Spectre.Console;

namespace KvPolicy.Cli.Output;

/// <summary>One look for every table.</summary>
internal static class Tables
{
    /// <summary>A table without frames: readable at a terminal, splittable in a pipe.</summary>
    internal static Table Of(params ReadOnlySpan<string> headers)
    {
        Table table = new Table().Border(TableBorder.Simple);
        foreach (string header in headers) table.AddColumn(new TableColumn(Markup.Escape(header)));
        return table;
    }
}
