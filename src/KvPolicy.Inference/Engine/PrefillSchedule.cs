namespace KvPolicy.Inference;

/// <summary>Order of a prefill.</summary>
public enum PrefillSchedule
{
    /// <summary>The whole prompt through one layer, compress the layer, go on: full attention within a layer, peak of one full layer.</summary>
    LayerMajor,

    /// <summary>A chunk of the prompt through all layers, compress, go on: the budget holds during the prefill, later rows see survivors only.</summary>
    ChunkMajor,
}
