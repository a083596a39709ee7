using ILGPU;
using KvPolicy.Gpu;

namespace KvPolicy.Inference.Ops;

/// <summary>Arguments of the kernels that append to the cache.</summary>
internal struct AppendArguments
{
    /// <summary>The layer; room for the rows is reserved.</summary>
    public GpuLayer Layer;

    /// <summary>q, k and v of each row: [Rows, RowSize].</summary>
    public ArrayView<float> Qkv;

    /// <summary>Floats of a row.</summary>
    public int RowSize;

    /// <summary>Where the keys of KV head 0 start in a row; the values follow after all keys.</summary>
    public int KeyOffset;

    /// <summary>Rows.</summary>
    public int Rows;

    /// <summary>Position of row 0.</summary>
    public int FirstPosition;
}

/// <summary>Keys and values of new tokens into the pages of their heads.</summary>
internal static class CacheAppendGpu
{
    private const int GroupSize = 128;

    /// <summary>Rows of a prompt behind what each head holds; <see cref="Advance"/> then counts them, once no group reads the old counts any more.</summary>
    [Kernel(GroupSize, "one group 32 rows of a KV head; lane = row for keys, so that a tile's rows of keys are written whole; lane = channel for values; grid (rows / 32, KV heads)")]
    public static void AppendRows(AppendArguments a)
    {
        int head = Grid.IdxY, dim = a.Layer.HeadDim, first = Grid.IdxX * LayerView.TileKeys, held = a.Layer.Held[head];
        int lane = Group.IdxX % Warp.WarpSize, warp = Group.IdxX / Warp.WarpSize, warps = Group.DimX / Warp.WarpSize;
        long keys = a.KeyOffset + (long)head * dim, values = keys + (long)a.Layer.KvHeads * dim;
        int row = first + lane;
        if (row < a.Rows)
        {
            int slot = held + row;
            long target = a.Layer.Tile(head, slot / LayerView.TileKeys) + slot % LayerView.TileKeys;
            for (int c = warp; c < dim; c += warps) a.Layer.Keys[target + (long)c * LayerView.TileKeys] = a.Qkv[(long)row * a.RowSize + keys + c];
            if (warp == 0) WriteFacts(a, head, slot, row);
        }

        for (row = first + warp; row < Math.Min(a.Rows, first + LayerView.TileKeys); row += warps)
        {
            int slot = held + row;
            long target = a.Layer.Tile(head, slot / LayerView.TileKeys) + (long)(slot % LayerView.TileKeys) * dim;
            for (int c = lane; c < dim; c += Warp.WarpSize) a.Layer.Values[target + c] = a.Qkv[(long)row * a.RowSize + values + c];
        }
    }

    /// <summary>Held counts after <see cref="AppendRows"/>.</summary>
    [Kernel(32, "one thread a KV head; grid (KV heads / 32, 1)")]
    public static void Advance(AppendArguments a)
    {
        int head = Grid.IdxX * Group.DimX + Group.IdxX;
        if (head < a.Layer.KvHeads) a.Layer.Held[head] += a.Rows;
    }

    /// <summary>One new token behind what each head holds, which then holds one more.</summary>
    [Kernel(32, "one warp a KV head, lane = channel; grid (KV heads, 1)")]
    public static void AppendToken(AppendArguments a)
    {
        int head = Grid.IdxX, dim = a.Layer.HeadDim, slot = a.Layer.Held[head];
        long tile = a.Layer.Tile(head, slot / LayerView.TileKeys);
        int lane = slot % LayerView.TileKeys;
        long key = a.KeyOffset + (long)head * dim, value = key + (long)a.Layer.KvHeads * dim;
        for (int c = Group.IdxX; c < dim; c += Group.DimX)
        {
            a.Layer.Keys[tile + (long)c * LayerView.TileKeys + lane] = a.Qkv[key + c];
            a.Layer.Values[tile + (long)lane * dim + c] = a.Qkv[value + c];
        }

        // All lanes have read the count.
        Warp.Barrier();
        if (Group.IdxX != 0) return;
        WriteFacts(a, head, slot, 0);
        a.Layer.Held[head] = slot + 1;
    }

    private static void WriteFacts(AppendArguments a, int head, int slot, int row)
    {
        long fact = a.Layer.Slot(head, slot);
        a.Layer.Positions[fact] = a.FirstPosition + row;
        if (a.Layer.HasState) a.Layer.State[fact] = 0f;
    }
}
