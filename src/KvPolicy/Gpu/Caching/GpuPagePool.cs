using ILGPU;
using ILGPU.Runtime;

namespace KvPolicy.Gpu;

/// <summary>
/// Fixed-size pages in device buffers that grow together. A page is a number, so a table of pages survives growth; bytes are those of the
/// buffers. One thread at a time.
/// </summary>
internal sealed class GpuPagePool : IDisposable
{
    private readonly Accelerator _accelerator;
    private readonly int _headDim;
    private readonly bool _hasState;
    private readonly Stack<int> _free = new();
    private MemoryBuffer1D<float, Stride1D.Dense> _keys;
    private MemoryBuffer1D<float, Stride1D.Dense> _values;
    private MemoryBuffer1D<int, Stride1D.Dense> _positions;
    private MemoryBuffer1D<float, Stride1D.Dense> _state;
    private int _capacity;
    private int _inUse;
    private int _touched;

    /// <summary>A pool of <paramref name="pages"/> pages to begin with.</summary>
    public GpuPagePool(Accelerator accelerator, int headDim, bool hasState, int pages)
    {
        (_accelerator, _headDim, _hasState, _capacity) = (accelerator, headDim, hasState, Math.Max(pages, 1));
        _keys = Zeroed<float>(_capacity * TileFloats);
        _values = Zeroed<float>(_capacity * TileFloats);
        _positions = Zeroed<int>((long)_capacity * LayerView.TileKeys);
        _state = Zeroed<float>(hasState ? (long)_capacity * LayerView.TileKeys : 1);
        PeakBytes = _capacity * KeyValueBytes;
    }

    /// <summary>[pages, headDim, 32]</summary>
    public ArrayView<float> Keys => _keys.View.AsContiguous();

    /// <summary>[pages, 32, headDim]</summary>
    public ArrayView<float> Values => _values.View.AsContiguous();

    /// <summary>[pages, 32]</summary>
    public ArrayView<int> Positions => _positions.View.AsContiguous();

    /// <summary>[pages, 32]; one element where there is no state.</summary>
    public ArrayView<float> State => _state.View.AsContiguous();

    /// <summary>Bytes of keys and values in pages that are in use.</summary>
    public long BytesInUse => _inUse * KeyValueBytes;

    /// <summary>Most bytes of key and value buffers that the device held at once, growth included.</summary>
    public long PeakBytes { get; private set; }

    private long TileFloats => (long)_headDim * LayerView.TileKeys;

    private long KeyValueBytes => 2 * TileFloats * sizeof(float);

    /// <summary>Number of a page. What it held before is still there.</summary>
    public int Rent()
    {
        _inUse++;
        if (_free.TryPop(out int page)) return page;
        if (_touched == _capacity) Grow(_capacity + Math.Max(_capacity / 2, 16));
        return _touched++;
    }

    /// <summary>Gives a page back.</summary>
    public void Return(int page)
    {
        _free.Push(page);
        _inUse--;
    }

    /// <summary>Makes room for <paramref name="pages"/> further pages in one step.</summary>
    public void Reserve(int pages)
    {
        int missing = pages - _free.Count - (_capacity - _touched);
        if (missing > 0) Grow(_capacity + Math.Max(missing, _capacity / 2));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _keys.Dispose();
        _values.Dispose();
        _positions.Dispose();
        _state.Dispose();
    }

    private void Grow(int pages)
    {
        // One buffer after the other, so that only one of them exists twice at a time.
        long old = _capacity * KeyValueBytes, grown = pages * KeyValueBytes;
        PeakBytes = Math.Max(PeakBytes, Math.Max(old + grown / 2, grown + old / 2));
        _keys = Moved(_keys, pages * TileFloats);
        _values = Moved(_values, pages * TileFloats);
        _positions = Moved(_positions, (long)pages * LayerView.TileKeys);
        if (_hasState) _state = Moved(_state, (long)pages * LayerView.TileKeys);
        _capacity = pages;
    }

    private MemoryBuffer1D<T, Stride1D.Dense> Moved<T>(MemoryBuffer1D<T, Stride1D.Dense> old, long length) where T : unmanaged
    {
        MemoryBuffer1D<T, Stride1D.Dense> grown = Zeroed<T>(length);
        grown.View.SubView(0, old.Length).CopyFrom(_accelerator.DefaultStream, old.View);
        _accelerator.Synchronize();
        old.Dispose();
        return grown;
    }

    // Kernels compute on the unwritten keys of a partly filled tile (and ignore what comes out), so they must be numbers.
    private MemoryBuffer1D<T, Stride1D.Dense> Zeroed<T>(long length) where T : unmanaged
    {
        MemoryBuffer1D<T, Stride1D.Dense> buffer = _accelerator.Allocate1D<T>(length);
        buffer.MemSetToZero(_accelerator.DefaultStream);
        return buffer;
    }
}
