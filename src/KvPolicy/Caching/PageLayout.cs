namespace KvPolicy;

/// <summary>Where things lie in a page of 32 keys: keys [headDim, 32], values [32, headDim], positions [32], state [32] where there is one.</summary>
internal readonly unsafe record struct PageLayout(int HeadDim, bool HasState)
{
    /// <summary>Bytes of keys and values: what a cache is measured by.</summary>
    public int KeyValueBytes => 2 * HeadDim * LayerView.TileKeys * sizeof(float);

    /// <summary>Bytes of the whole page.</summary>
    public int Bytes => KeyValueBytes + LayerView.TileKeys * (sizeof(int) + (HasState ? sizeof(float) : 0));

    public float* Keys(byte* page) => (float*)page;

    public float* Values(byte* page) => (float*)page + HeadDim * LayerView.TileKeys;

    public int* Positions(byte* page) => (int*)(page + KeyValueBytes);

    public float* State(byte* page) => (float*)(page + KeyValueBytes) + LayerView.TileKeys;
}
