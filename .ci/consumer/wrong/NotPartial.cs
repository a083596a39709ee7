using KvPolicy;

[KvPolicy, Prefill(Keep = 0.5f)]
internal sealed class NotPartial // KVP0001: partial
{
    public static float Score(float keyNorm) => -keyNorm;
}
