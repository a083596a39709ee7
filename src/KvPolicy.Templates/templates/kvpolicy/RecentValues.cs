using System.ComponentModel.DataAnnotations;
using KvPolicy;

namespace Kv.App._1;

/// <summary>A large value matters less the longer ago it was.</summary>
// Prefill: what stays of the prompt. Add Decode(Keep = 0.5f, Of = Base.All) to evict while generating as well.
// Protect: the first and the newest tokens never compete. More axes: Observe, Pool, Share; mistakes are errors while you type.
[KvPolicy, Prefill(Keep = 0.25f), Protect(Sinks = 4, Recent = 8)]
public sealed partial class RecentValues
{
    // Higher scores stay. A parameter's name says what is read: attention, keyNorm, valueNorm, position, length; a wrong name lists all.
    // One with a default is a number of the policy, here new RecentValues { Fade = 64 }.
    /// <summary>The value's norm, divided by e every <paramref name="fade"/> tokens.</summary>
    public static float Score(float valueNorm, int position, int length, [Range(1f, 1e6f)] float fade = 256f)
        => valueNorm * MathF.Exp((position - length) / fade);
}
