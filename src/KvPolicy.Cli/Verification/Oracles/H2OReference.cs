namespace KvPolicy.Cli.Verification.Oracles;

/// <summary>
/// H2O (arXiv:2306.14048): score(j) = sum over every query so far of the attention to key j, mean over the query group; the newest tokens
/// (half of the budget) and the heaviest of the others stay, after the prompt and after each decoded token; a sum is lost with its key.
/// </summary>
internal sealed class H2OReference : DoubleReference
{
    internal override string Policy => "H2O";

    internal override OracleChoice[][] Prefill(OracleSettings settings, OracleTensors tensors, int prompt)
    {
        int k = Rules.Floor(settings.Keep, prompt);
        (int, int) competing = Rules.Competing(prompt, k, settings.Number("sinks", 0), Recent(settings, k));
        return EachHead(tensors, (layer, head) => Rules.Tokens(Sums(tensors, layer, head, prompt), prompt, k, competing));
    }

    internal override void Seed(OracleTensors tensors, int layer, int prompt, OracleHead[] heads)
    {
        for (int head = 0; head < heads.Length; head++) Sums(tensors, layer, head, prompt).CopyTo(heads[head].Sums, 0);
    }

    internal override OracleChoice[] Step(OracleSettings settings, OracleTensors tensors, int layer, int prompt, int position, OracleHead[] heads)
    {
        int k = Rules.Floor(settings.DecodeKeep, prompt);
        for (int head = 0; head < heads.Length; head++)
        {
            double[] mean = Rules.GroupMean(tensors, layer, head, h => tensors.Attention(layer, h, position, heads[head].Held));
            for (int i = 0; i < mean.Length; i++) heads[head].Sums[heads[head].Held[i]] += mean[i];
        }

        if (settings.DecodeKeep.KeepsAll) return base.Step(settings, tensors, layer, prompt, position, heads);
        bool newest = settings.Number("newest", 1) == 1;
        return [.. heads.Select(head => Rules.Step(head.Held, p => head.Sums[p], k, settings.Number("sinks", 0), Recent(settings, k), newest, tensors.Length))];
    }

    private static int Recent(OracleSettings settings, int k) => settings.Number("recent", k / 2);

    private static double[] Sums(OracleTensors tensors, int layer, int head, int prompt)
        => Rules.GroupMean(tensors, layer, head, h => tensors.ColumnSums(layer, h, prompt, prompt));
}
