using System.Runtime.InteropServices;

namespace KvPolicy;

/// <summary>Fixed-size pages of native memory. Pages that come back are reused first and freed when the pool shrinks; bytes are what it holds. One thread at a time.</summary>
internal sealed unsafe class PagePool : IDisposable
{
    private readonly PageLayout _layout;
    private readonly HashSet<nint> _all = [];
    private int _inUse;

    internal PagePool(PageLayout layout) => _layout = layout;

    /// <summary>Bytes of keys and values in pages that are in use.</summary>
    public long BytesInUse => (long)_inUse * _layout.KeyValueBytes;

    /// <summary>Most bytes of keys and values that were in use at once.</summary>
    public long PeakBytes { get; private set; }

    internal PageLayout Layout => _layout;

    internal byte* Rent()
    {
        var page = (byte*)NativeMemory.AlignedAlloc((nuint)_layout.Bytes, 64);
        // Unwritten keys of a partly filled tile meet SIMD arithmetic, so they must be numbers.
        NativeMemory.Clear(page, (nuint)_layout.Bytes);
        _all.Add((nint)page);
        _inUse++;
        PeakBytes = Math.Max(PeakBytes, BytesInUse);
        return page;
    }

    internal void Return(byte* page)
    {
        if (!_all.Remove((nint)page)) throw new InvalidOperationException("The page does not belong to this pool, or was returned before.");
        NativeMemory.AlignedFree(page);
        _inUse--;
    }

    /// <summary>Asks the C library to hand freed pages that lie between used ones to the system; where it cannot, they wait for reuse.</summary>
    internal static void ReturnToSystem()
    {
        if (MallocTrim is { } trim) ((delegate* unmanaged<nuint, int>)trim)(0);
    }

    // glibc gives back only the end of its heap by itself.
    private static readonly nint? MallocTrim = OperatingSystem.IsLinux() && NativeLibrary.TryGetExport(NativeLibrary.GetMainProgramHandle(), "malloc_trim", out nint trim) ? trim : null;

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (nint page in _all) NativeMemory.AlignedFree((void*)page);
        _all.Clear();
        _inUse = 0;
    }
}
