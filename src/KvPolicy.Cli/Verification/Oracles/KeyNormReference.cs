namespace KvPolicy.Cli.Verification.Oracles;

/// <summary>L2 norm (arXiv:2406.11430): score(j) = -|k_j|.</summary>
internal sealed class KeyNormReference : DoubleReference
{
    internal override string Policy => "KeyNorm";

    internal override OracleChoice[][] Prefill(OracleSettings settings, OracleTensors tensors, int prompt)
    {
        int k = Rules.Floor(settings.Keep, prompt);
        (int, int) competing = Rules.Competing(prompt, k, settings.Number("sinks", 0), settings.Number("recent", 0));
        return EachHead(tensors, (layer, head) => Rules.Tokens([.. Enumerable.Range(0, prompt).Select(p => -tensors.KeyNorm(layer, head, p))], prompt, k, competing));
    }
}
