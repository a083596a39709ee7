using KvPolicy;

[KvPolicy, Prefill(Keep = 0.5f)]
internal sealed partial class NoRows
{
    public static float Score(float attention) => attention; // KVP0012: Rows.Last
}
