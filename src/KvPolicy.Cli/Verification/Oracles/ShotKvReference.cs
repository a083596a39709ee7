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
        if (settings.Word("scope", "layer") == "layer") return EachLayer(tensors, layer => Shots.Choose(settings, tensors, prompt, Layer(layer)));
        double[][] layers = [.. Enumerable.Range(0, tensors.Layers).Select(Layer)];
        OracleChoice model = Shots.Choose(settings, tensors, prompt, [.. Enumerable.Range(0, prompt).Select(p => layers.Sum(layer => layer[p]))]);
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
}
