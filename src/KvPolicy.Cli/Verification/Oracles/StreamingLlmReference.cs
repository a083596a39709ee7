namespace KvPolicy.Cli.Verification.Oracles;

/// <summary>StreamingLLM (arXiv:2309.17453): the first tokens and, for the rest of the budget, the newest ones; also while decoding.</summary>
internal sealed class StreamingLlmReference : DoubleReference
{
    internal override string Policy => "StreamingLlm";

    internal override OracleChoice[][] Prefill(OracleSettings settings, OracleTensors tensors, int prompt)
    {
        int k = Math.Min(Rules.Floor(settings.Keep, prompt), prompt), sinks = Math.Min(settings.Number("sinks", 4), k);
        int[] kept = [.. Enumerable.Range(0, sinks), .. Enumerable.Range(prompt - (k - sinks), k - sinks)];
        double[] scores = [.. Enumerable.Range(0, prompt).Select(p => (double)p)];
        return EachHead(tensors, (_, _) => new(kept, scores));
    }

    internal override OracleChoice[] Step(OracleSettings settings, OracleTensors tensors, int layer, int prompt, int position, OracleHead[] heads)
    {
        if (settings.DecodeKeep.KeepsAll) return base.Step(settings, tensors, layer, prompt, position, heads);
        int k = Rules.Floor(settings.DecodeKeep, prompt);
        bool newest = settings.Number("newest", 1) == 1;
        return [.. heads.Select(head => Rules.Step(head.Held, p => p, k, settings.Number("sinks", 4), settings.Number("recent", 0), newest, tensors.Length))];
    }
}
