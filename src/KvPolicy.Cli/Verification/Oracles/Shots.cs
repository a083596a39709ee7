namespace KvPolicy.Cli.Verification.Oracles;

/// <summary>Whole shots by the mean over their tokens, packed by falling score while their tokens fit; sinks and tokens outside shots stay and count.</summary>
internal static class Shots
{
    /// <summary>What stays of a prompt.</summary>
    /// <param name="settings">Budget, sinks, packing, outside.</param>
    /// <param name="tensors">The prompt's shots.</param>
    /// <param name="prompt">Tokens of the prompt.</param>
    /// <param name="worthOf">[prompt] worth of each token of a shot; what stands outside shots is not read.</param>
    internal static OracleChoice Choose(OracleSettings settings, OracleTensors tensors, int prompt, double[] worthOf)
    {
        int[] shot = [.. tensors.Shots.Take(prompt)];
        double[] scores = [.. Enumerable.Repeat(double.NaN, prompt)];
        int[] all = [.. Enumerable.Range(0, prompt)];
        int[] shots = [.. shot.Where(s => s >= 0).Distinct().Order()];
        if (shots.Length == 0) return OracleChoice.All(all, scores);
        var worth = shots.ToDictionary(s => s, s => all.Where(p => shot[p] == s).Average(p => worthOf[p]));
        foreach (int p in all.Where(p => shot[p] >= 0)) scores[p] = worth[shot[p]];
        int k = Rules.Floor(settings.Keep, prompt);
        if (k >= prompt) return OracleChoice.All(all, scores);

        (int First, int End) = Rules.Competing(prompt, k, settings.Number("sinks", 4), settings.Number("recent", 0));
        bool Protected(int p) => p < First || p >= End;
        int inShots = all.Count(p => shot[p] >= 0), left = Math.Max(0, Budget(settings, prompt, inShots) - all.Count(p => shot[p] >= 0 && Protected(p)));
        var chosen = new HashSet<int>();
        foreach (int s in Rules.Best(shots, s => worth[s], shots.Length))
        {
            int cost = all.Count(p => shot[p] == s && !Protected(p));
            if (cost <= left)
            {
                chosen.Add(s);
                left -= cost;
            }
            else if (settings.Word("packing", "stop") == "stop") break;
        }

        return new([.. all.Where(p => Protected(p) || shot[p] < 0 || chosen.Contains(shot[p]))], scores, [.. worth.Values]);
    }

    /// <summary>Tokens of shots that may stay: Keep of the shots' own tokens, or what Keep of the prompt leaves after the tokens outside.</summary>
    private static int Budget(OracleSettings settings, int prompt, int inShots)
    {
        bool free = settings.Word("outside", "count") == "free";
        int of = free ? inShots : prompt;
        int budget = settings.Keep.IsTokens ? settings.Keep.Tokens : (int)Math.Floor(settings.Keep.Ratio * of);
        return free ? budget : Math.Max(0, budget - (prompt - inShots));
    }
}
