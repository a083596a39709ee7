using KvPolicy;

[KvPolicy, Prefill(Keep = 0.5f)]
internal sealed partial class UnknownSignal
{
    public static float Score(float keyNrom) => -keyNrom; // KVP0005: keyNorm
}
