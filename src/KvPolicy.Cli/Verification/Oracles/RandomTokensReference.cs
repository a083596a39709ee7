namespace KvPolicy.Cli.Verification.Oracles;

/// <summary>Random tokens: score(j) = a number that layer, KV head and position draw; the best k stay, nothing is protected unless asked for.</summary>
internal sealed class RandomTokensReference : DoubleReference
{
    internal override string Policy => "RandomTokens";

    internal override OracleChoice[][] Prefill(OracleSettings settings, OracleTensors tensors, int prompt)
    {
        int k = Rules.Floor(settings.Keep, prompt), seed = settings.Number("seed", 0);
        (int, int) competing = Rules.Competing(prompt, k, settings.Number("sinks", 0), settings.Number("recent", 0));
        return EachHead(tensors, (layer, head) => Rules.Tokens([.. Enumerable.Range(0, prompt).Select(p => Chance.Number(seed, layer, head, p))], prompt, k, competing));
    }
}
