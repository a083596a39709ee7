using KvPolicy;

[KvPolicy]
[Prefill(Keep = 1.5f)] // KVP0007: at most 1
internal sealed partial class KeepOutOfRange
{
    public static float Score(float keyNorm) => -keyNorm;
}
