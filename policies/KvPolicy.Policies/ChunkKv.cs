namespace KvPolicy.Policies;

/// <summary>ChunkKV: runs of ten tokens stay or go together, by the attention that the prompt's last queries give them (arXiv:2502.00299).</summary>
/// <remarks>The published score: sum over window, heads and chunk, one set for all heads of a layer. The window is protected and left out of the chunks, and the last chunk is cut so that exactly the budget stays; layers do not reuse each other's indices.</remarks>
[KvPolicy, Prefill(Unit.Chunk, Keep = 0.25f, Chunk = 10), Observe(Rows.Last, 16, Reduce = Reduce.Sum), Share(Scope.Layer, Reduce.Sum), Protect(Recent = 16)]
public sealed partial class ChunkKv
{
    /// <summary>The attention that the key got from the window.</summary>
    public static float Score(float attention) => attention;
}
