namespace KvPolicy.Cli.Verification.Oracles;

/// <summary>
/// ShotKV (arXiv:2502.01941v4). Prefill, equation 3: score(shot) = mean over its tokens of the sum over heads of the accumulated attention;
/// shots by falling score while their tokens fit; frozen. Decode, equations 7 and 8: score(token) = sum over heads of the attention from the
/// token being generated; max(1, ceil(r_d x generated)) of the generated tokens stay.
/// </summary>
internal sealed class ShotKvReference : DoubleReference
{
    internal override string Policy => "ShotKv";

    internal override OracleChoice[][] Prefill(OracleSettings settings, OracleTensors tensors, int prompt)
    {
        // All queries are added up, as the paper says; of the last so many the mean is taken, as everywhere.
        bool all = settings.Word("rows", "all") == "all";
        int rows = all ? prompt : Math.Min(settings.Number("rows", prompt), prompt);
        double[] Layer(int layer) => [.. Rules.LayerSum(tensors, h => tensors.ColumnSums(layer, h, prompt, rows)).Select(sum => all ? sum : sum / rows)];
        if (settings.Word("scope", "layer") == "layer") return EachLayer(tensors, layer => Choose(settings, tensors, prompt, Layer(layer)));
        double[][] layers = [.. Enumerable.Range(0, tensors.Layers).Select(Layer)];
        OracleChoice model = Choose(settings, tensors, prompt, [.. Enumerable.Range(0, prompt).Select(p => layers.Sum(layer => layer[p]))]);
        return EachLayer(tensors, _ => model);
    }

    internal override OracleChoice[] Step(OracleSettings settings, OracleTensors tensors, int layer, int prompt, int position, OracleHead[] heads)
    {
        Budget keep = settings.DecodeKeepOfGenerated;
        if (keep.KeepsAll) return base.Step(settings, tensors, layer, prompt, position, heads);
        List<int> held = heads[0].Held; // all heads of a layer hold the same
        double[] sum = Rules.LayerSum(tensors, h => tensors.Attention(layer, h, position, held));
        var worth = held.Zip(sum).ToDictionary(pair => pair.First, pair => pair.Second);
        int k = Rules.Ceiling(keep, position + 1 - prompt);
        bool newest = settings.Number("newest", 1) == 1;
        OracleChoice decoded = Rules.Step([.. held.Where(p => p >= prompt)], p => worth[p], k, settings.Number("sinks", 4), settings.Number("recent", 0), newest, tensors.Length);
        OracleChoice choice = decoded with { Kept = [.. held.Where(p => p < prompt), .. decoded.Kept] };
        return [.. heads.Select(_ => choice)];
    }

    private static OracleChoice Choose(OracleSettings settings, OracleTensors tensors, int prompt, double[] mass)
    {
        int[] shot = [.. tensors.Shots.Take(prompt)];
        double[] scores = Unscored(prompt);
        int[] all = [.. Enumerable.Range(0, prompt)];
        int[] shots = [.. shot.Where(s => s >= 0).Distinct().Order()];
        if (shots.Length == 0) return OracleChoice.All(all, scores);
        var worth = shots.ToDictionary(s => s, s => all.Where(p => shot[p] == s).Average(p => mass[p]));
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
