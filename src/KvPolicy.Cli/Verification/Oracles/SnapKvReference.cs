namespace KvPolicy.Cli.Verification.Oracles;

/// <summary>
/// SnapKV (arXiv:2404.14469): mean over the last w queries and over the query group of the attention to key j, softmax over all keys; the
/// protected keys cut out; pooled over neighbours; the best stay beside the protected ones.
/// </summary>
internal sealed class SnapKvReference : DoubleReference
{
    internal override string Policy => "SnapKv";

    internal override OracleChoice[][] Prefill(OracleSettings settings, OracleTensors tensors, int prompt)
    {
        int k = Rules.Floor(settings.Keep, prompt), window = Math.Min(settings.Number("window", 64), prompt);
        (int First, int End) competing = Rules.Competing(prompt, k, settings.Number("sinks", 0), settings.Number("recent", 64));
        bool average = settings.Word("pooling", "average") == "average";
        return EachHead(tensors, (layer, head) =>
        {
            double[] mean = [.. Rules.GroupMean(tensors, layer, head, h => tensors.ColumnSums(layer, h, prompt, window)).Select(sum => sum / window)];
            int width = settings.Number("pool", 5);
            // Where neighbours meet, what was cut out before has no score; a width of one is no pooling.
            double[] scores = width == 1 ? mean : Unscored(prompt);
            Rules.Pool(mean[competing.First..competing.End], width, average).CopyTo(scores, competing.First);
            return Rules.Tokens(scores, prompt, k, competing);
        });
    }
}
