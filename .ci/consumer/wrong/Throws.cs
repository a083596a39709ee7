using KvPolicy;

[KvPolicy, Prefill(Keep = 0.5f)]
internal sealed partial class Throws
{
    public static float Score(float keyNorm) => Math.Clamp(keyNorm, 0f, 1f); // KVP0101: Math.Min
}
