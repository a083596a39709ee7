namespace KvPolicy.Policies;

/// <summary>SnapKV: a key matters as much as the prompt's last queries attend to it (arXiv:2404.14469).</summary>
/// <remarks>Window 64 and average pooling of 5, the class defaults of the published code; scores of a query group are averaged, so that a KV head has one kept set. Decoding evicts nothing, as published.</remarks>
[KvPolicy, Prefill(Keep = 0.25f), Observe(Rows.Last, 64), Pool(Pooling.Average, 5), Protect(Recent = 64)]
public sealed partial class SnapKv
{
    /// <summary>The attention that the key got from the window.</summary>
    public static float Score(float attention) => attention;
}
