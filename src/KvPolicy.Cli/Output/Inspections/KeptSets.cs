using KvPolicy.Cli.CommandLine;
using KvPolicy.Inference;

namespace KvPolicy.Cli.Output.Inspections;

/// <summary>What kept sets have in common, and what they leave of the shots.</summary>
internal static class KeptSets
{
    /// <summary>Share of what any of the sets keeps that all of them keep; 1 for empty sets.</summary>
    internal static double Overlap(IReadOnlyList<IReadOnlyList<int>> sets)
    {
        int[] keepers = Keepers(sets, sets.Select(set => set.DefaultIfEmpty(-1).Max()).DefaultIfEmpty(-1).Max() + 1);
        int any = keepers.Count(n => n > 0);
        return any == 0 ? 1 : (double)keepers.Count(n => n == sets.Count) / any;
    }

    /// <summary>How many of the sets hold each position.</summary>
    internal static int[] Keepers(IEnumerable<IReadOnlyList<int>> sets, int length)
    {
        var keepers = new int[length];
        foreach (IReadOnlyList<int> set in sets)
        {
            foreach (int position in set) keepers[position]++;
        }

        return keepers;
    }

    /// <summary>Which shots stayed, in words: <c>whole 0-2 5, in part 7</c>; empty where the prompt has none.</summary>
    internal static string Shots(IReadOnlyList<InspectedToken> tokens, IReadOnlyList<int> kept)
    {
        Dictionary<int, int> sizes = SizesOf(tokens);
        if (sizes.Count == 0) return "";
        string whole = WholeShots(tokens, kept), part = RangesOf(tokens, kept, (left, size) => left < size);
        return part.Length == 0 ? (whole == "none" ? whole : $"whole {whole}") : whole == "none" ? $"in part {part}" : $"whole {whole}, in part {part}";
    }

    /// <summary>Numbers of the shots that stayed whole: <c>0-2 5</c>, or <c>none</c>.</summary>
    internal static string WholeShots(IReadOnlyList<InspectedToken> tokens, IReadOnlyList<int> kept)
        => RangesOf(tokens, kept, (left, size) => left == size) is { Length: > 0 } numbers ? numbers : "none";

    private static string RangesOf(IReadOnlyList<InspectedToken> tokens, IReadOnlyList<int> kept, Func<int, int, bool> accepts)
    {
        Dictionary<int, int> sizes = SizesOf(tokens);
        return Ranges([.. kept.Select(p => tokens[p].Shot).Where(shot => shot >= 0).CountBy(shot => shot).Where(shot => accepts(shot.Value, sizes[shot.Key])).Select(shot => shot.Key).Order()]);
    }

    private static Dictionary<int, int> SizesOf(IReadOnlyList<InspectedToken> tokens) => tokens.Where(token => token.Shot >= 0).CountBy(token => token.Shot).ToDictionary();

    /// <summary>Ascending numbers as ranges: <c>0-2 5</c>.</summary>
    internal static string Ranges(IReadOnlyList<int> numbers)
    {
        var ranges = new List<string>();
        for (int i = 0; i < numbers.Count; i++)
        {
            int first = i;
            while (i + 1 < numbers.Count && numbers[i + 1] == numbers[i] + 1) i++;
            ranges.Add(first == i ? $"{numbers[first]}" : $"{numbers[first]}-{numbers[i]}");
        }

        return string.Join(' ', ranges);
    }

    /// <summary>A share for people.</summary>
    internal static string Percent(double share) => $"{Numbers.Show(100 * share, "0.0")} %";
}
