namespace KvPolicy.Policies;

/// <summary>StreamingLLM: the first tokens, which attention uses as a sink, and the newest ones (arXiv:2309.17453).</summary>
/// <remarks>Four sinks and the newest tokens up to the budget, after the prefill and at every step, as published. Keys keep their own positions; the paper rotates them to positions within the cache.</remarks>
[KvPolicy, Prefill(Keep = 0.25f), Decode(Of = Base.Prompt), Protect(Sinks = 4)]
public sealed partial class StreamingLlm
{
    /// <summary>The newer, the better.</summary>
    public static float Score(int position) => position;
}
