using KvPolicy.Cli.CommandLine;
using KvPolicy.Inference;
using Spectre.Console;

namespace KvPolicy.Cli.Output.Inspections;

/// <summary>An inspection as text: a summary of all layers and heads, or the tokens of one head in both phases.</summary>
internal sealed class InspectionText(Session session, Inspection seen)
{
    private readonly int _prompt = seen.Result.PromptTokens;
    private readonly bool _decoded = seen.CachedTokens > seen.Result.PromptTokens;

    /// <summary>The prompt with what all, some or no heads kept, then the numbers of every layer.</summary>
    internal void PrintSummary()
    {
        PrintFacts();
        IReadOnlyList<InspectedHead> heads = [.. seen.Heads.SelectMany(layer => layer)];
        int[] keepers = KeptSets.Keepers(heads.Select(head => head.Kept), _prompt);
        session.Out.Write($"after the prefill, all {heads.Count} heads looked at: ");
        MarkedText.WriteKey(session, new(Mark.Kept, "kept by all"), new(Mark.Some, "kept by some"), new(Mark.Dropped, "dropped by all"));
        MarkedText.WriteLine(session, MarkedText.Runs(seen.Tokens, [.. keepers.Select(n => n == heads.Count ? Mark.Kept : n > 0 ? Mark.Some : Mark.Dropped)]));
        session.Out.WriteLine($"\n{keepers.Count(n => n == heads.Count)} of {_prompt} tokens are kept by all heads, {keepers.Count(n => n > 0)} by at least one");
        PrintLayers();
        if (seen.Result.GeneratedTokens > 0) session.Out.WriteLine($"generated:{string.Concat(seen.Tokens.Skip(_prompt).Select(token => VisibleText.Of(token.Text)))}");
    }

    /// <summary>The tokens of one head, after the prefill and at the end of decoding.</summary>
    internal void PrintHead(int layer, int kvHead)
    {
        InspectedHead head = seen.Heads[layer][kvHead];
        session.Out.WriteLine($"layer {layer}, KV head {kvHead}, after the prefill: {Counts(head.Kept, head.Protected, _prompt)}");
        MarkedText.WriteKey(session, new(Mark.Kept, "kept"), new(Mark.Dropped, "dropped"));
        MarkedText.WriteLine(session, MarkedText.Runs(seen.Tokens, Marks(head.Kept, _prompt)));
        session.Out.WriteLine();
        if (!_decoded) return;
        session.Out.WriteLine($"layer {layer}, KV head {kvHead}, at the end of decoding: {Counts(head.KeptEnd, head.ProtectedEnd, seen.CachedTokens)}");
        MarkedText.WriteKey(session, new(Mark.Kept, "kept"), new(Mark.Dropped, "dropped"), new(Mark.Uncached, "not in the cache"));
        MarkedText.WriteLine(session, MarkedText.Runs(seen.Tokens, Marks(head.KeptEnd, seen.CachedTokens)));
        session.Out.WriteLine();
    }

    /// <summary>What else a reader should know.</summary>
    internal void PrintNotes()
    {
        foreach (string note in seen.Notes) session.Out.WriteLine($"note: {OneLine.Of(note)}");
    }

    private void PrintFacts()
    {
        Receipt receipt = seen.Result.Receipt;
        string policy = receipt.Policy is { } p ? $"{p.Name} {string.Join(' ', p.Parameters.Select(parameter => $"{parameter.Key}={parameter.Value}"))}".TrimEnd() : "no policy: the full cache";
        session.Out.WriteLine($"{OneLine.Of(policy)}, on {receipt.Device}");
        string budget = seen.Budget is { } k ? $", budget {Math.Min(k, _prompt)} a head" : "";
        session.Out.WriteLine($"{_prompt} tokens in the prompt{budget}; {seen.Result.GeneratedTokens} generated, stopped by {ReceiptOutput.StopOf(seen.Result)}");
        CacheBytes bytes = receipt.CacheBytes;
        session.Out.WriteLine($"cache: {Numbers.Show(bytes.Full)} bytes in full, {Numbers.Show(bytes.AfterPrefill)} after the prefill, {Numbers.Show(bytes.End)} at the end, {Numbers.Show(bytes.Peak)} at the peak");
        session.Out.WriteLine();
    }

    private void PrintLayers()
    {
        bool shots = seen.Tokens.Any(token => token.Shot >= 0);
        Table table = Tables.Of([.. (string[])["layer", "kept per KV head after the prefill", "at the end", "common to the layer's heads", .. shots ? ["whole shots"] : Array.Empty<string>()]]);
        for (int layer = 0; layer < seen.Heads.Count; layer++)
        {
            IReadOnlyList<InspectedHead> heads = seen.Heads[layer];
            string[] cells =
            [
                Numbers.Show(layer),
                string.Join(' ', heads.Select(head => head.Kept.Count)),
                string.Join(' ', heads.Select(head => head.KeptEnd.Count)),
                KeptSets.Percent(KeptSets.Overlap([.. heads.Select(head => head.Kept)])),
                .. shots ? [ShotsOf(heads)] : Array.Empty<string>(),
            ];
            table.AddRow([.. cells.Select(Markup.Escape)]);
        }

        session.Console.Write(table);
    }

    private string ShotsOf(IReadOnlyList<InspectedHead> heads)
    {
        string[] words = [.. heads.Select(head => KeptSets.WholeShots(seen.Tokens, head.Kept))];
        return words.Distinct().Count() == 1 ? words[0] : string.Join(" | ", words);
    }

    private string Counts(IReadOnlyList<int> kept, IReadOnlyList<int> untouched, int of)
    {
        string shots = KeptSets.Shots(seen.Tokens, kept);
        return $"{kept.Count} of {of} tokens kept ({KeptSets.Percent((double)kept.Count / of)}), {untouched.Count} of them did not compete{(shots.Length > 0 ? $"; shots: {shots}" : "")}";
    }

    private Mark[] Marks(IReadOnlyList<int> kept, int cached)
    {
        // After the prefill the prompt alone is there; at the end everything, the last token mostly without a key.
        var marks = new Mark[cached == _prompt ? _prompt : seen.Tokens.Count];
        marks.AsSpan(cached).Fill(Mark.Uncached);
        foreach (int position in kept) marks[position] = Mark.Kept;
        return marks;
    }
}
