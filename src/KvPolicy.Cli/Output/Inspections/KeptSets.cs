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
        var sizes = tokens.Where(token => token.Shot >= 0).CountBy(token => token.Shot).ToDictionary();
        if (sizes.Count == 0) return "";
        var left = kept.Select(p => tokens[p].Shot).Where(shot => shot >= 0).CountBy(shot => shot).OrderBy(shot => shot.Key).ToList();
        string[] parts =
        [
            Named("whole", left.Where(shot => shot.Value == sizes[shot.Key]).Select(shot => shot.Key)),
            Named("in part", left.Where(shot => shot.Value < sizes[shot.Key]).Select(shot => shot.Key)),
        ];
        string words = string.Join(", ", parts.Where(part => part.Length > 0));
        return words.Length > 0 ? words : "none";
    }

    private static string Named(string name, IEnumerable<int> numbers)
    {
        string ranges = Ranges([.. numbers]);
        return ranges.Length > 0 ? $"{name} {ranges}" : "";
    }

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
