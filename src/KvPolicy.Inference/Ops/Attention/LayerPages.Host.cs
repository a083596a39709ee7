namespace KvPolicy.Inference.Ops.Attention;

/// <summary>Where the tiles of one layer lie: the part of a <see cref="LayerView"/> that other threads may hold.</summary>
internal readonly unsafe struct LayerPages
{
    private readonly nint* _pages;
    private readonly int _stride;
    private readonly int* _held;
    private readonly PageLayout _layout;

    /// <summary>Of a layer; valid until its cache changes.</summary>
    public LayerPages(in LayerView view)
    {
        _pages = view.Pages;
        _stride = view.PagesStride;
        _held = view.HeldCounts;
        _layout = view.Layout;
    }

    /// <summary>Held keys of a KV head.</summary>
    public int Held(int kvHead) => _held[kvHead];

    /// <summary>Tiles of a KV head.</summary>
    public int Tiles(int kvHead) => (_held[kvHead] + LayerView.TileKeys - 1) / LayerView.TileKeys;

    /// <summary>[headDim, 32]</summary>
    public float* Keys(int kvHead, int tile) => _layout.Keys(Page(kvHead, tile));

    /// <summary>[32, headDim]</summary>
    public float* Values(int kvHead, int tile) => _layout.Values(Page(kvHead, tile));

    /// <summary>[32]</summary>
    public int* Positions(int kvHead, int tile) => _layout.Positions(Page(kvHead, tile));

    private byte* Page(int kvHead, int tile) => (byte*)_pages[(long)kvHead * _stride + tile];
}
