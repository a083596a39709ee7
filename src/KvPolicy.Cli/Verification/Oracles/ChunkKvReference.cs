namespace KvPolicy.Cli.Verification.Oracles;

/// <summary>
/// ChunkKV (arXiv:2502.00299): the attention from the last w queries, summed over queries, heads and the c tokens of a chunk; the best chunks
/// while they fit, the next one cut to its first tokens, so that with the protected tokens exactly k stay. One set for a layer.
/// </summary>
internal sealed class ChunkKvReference : DoubleReference
{
    internal override string Policy => "ChunkKv";

    internal override OracleChoice[][] Prefill(OracleSettings settings, OracleTensors tensors, int prompt)
    {
        int k = Rules.Floor(settings.Keep, prompt), chunk = settings.Number("chunk", 10);
        (int First, int End) competing = Rules.Competing(prompt, k, settings.Number("sinks", 0), settings.Number("recent", 16));
        return EachLayer(tensors, layer =>
        {
            double[] mass = Rules.LayerSum(tensors, h => tensors.ColumnSums(layer, h, prompt, settings.Number("window", 16)));
            int[][] chunks = [.. Enumerable.Range(competing.First, competing.End - competing.First).Chunk(chunk)];
            double[] worth = [.. chunks.Select(tokens => tokens.Sum(p => mass[p]))], scores = Unscored(prompt);
            for (int i = 0; i < chunks.Length; i++)
            {
                foreach (int p in chunks[i]) scores[p] = worth[i];
            }

            if (k >= prompt) return OracleChoice.All(Enumerable.Range(0, prompt), scores);
            IEnumerable<int> bestFirst = Rules.Best(Enumerable.Range(0, chunks.Length), i => worth[i], chunks.Length).SelectMany(i => chunks[i]);
            int[] kept = [.. Enumerable.Range(0, prompt).Where(p => p < competing.First || p >= competing.End)];
            return new([.. kept.Concat(bestFirst.Take(k - kept.Length)).Order()], scores, worth);
        });
    }
}
