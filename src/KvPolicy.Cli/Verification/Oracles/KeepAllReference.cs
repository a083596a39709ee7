namespace KvPolicy.Cli.Verification.Oracles;

/// <summary>The full cache, whatever the budget.</summary>
internal sealed class KeepAllReference : DoubleReference
{
    internal override string Policy => "KeepAll";

    internal override OracleChoice[][] Prefill(OracleSettings settings, OracleTensors tensors, int prompt)
        => EachHead(tensors, (_, _) => OracleChoice.All(Enumerable.Range(0, prompt), Unscored(prompt)));
}
