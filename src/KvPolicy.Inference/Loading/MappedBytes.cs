using System.IO.MemoryMappedFiles;
using System.Runtime.InteropServices;

namespace KvPolicy.Inference.Loading;

/// <summary>
/// The bytes of a file, mapped read-only, or of a resource, copied once to native memory. Readers check every range against <see cref="Length"/>.
/// </summary>
internal sealed unsafe class MappedBytes : IDisposable
{
    private readonly MemoryMappedFile? _file;
    private readonly MemoryMappedViewAccessor? _view;
    private byte* _data;

    private MappedBytes(string name, byte* data, long length, MemoryMappedFile? file, MemoryMappedViewAccessor? view)
    {
        (Name, Length, _file, _view) = (name, length, file, view);
        _data = data;
    }

    /// <summary>Path, or name of the resource.</summary>
    internal string Name { get; }

    /// <summary>Bytes.</summary>
    internal long Length { get; }

    /// <summary>First byte; valid until disposal.</summary>
    internal byte* Data => _data != null ? _data : throw new ObjectDisposedException(Name);

    /// <summary>Maps a regular, non-empty file.</summary>
    internal static MappedBytes Open(string path)
    {
        FileStart.RequireFile(path);
        try
        {
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1);
            return Map(path, stream);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw LoadError.Of(path, "path", $"cannot be read ({e.Message})", "check the file and its permissions", e);
        }
    }

    /// <summary>Copies a stream of known length to native memory.</summary>
    internal static MappedBytes Copy(string name, Stream stream)
    {
        long length = stream.Length;
        var data = (byte*)NativeMemory.AlignedAlloc((nuint)Math.Max(length, 1), 64);
        var bytes = new MappedBytes(name, data, length, null, null);
        try
        {
            for (long at = 0; at < length;)
            {
                var rest = new Span<byte>(data + at, (int)Math.Min(length - at, 1 << 20));
                stream.ReadExactly(rest);
                at += rest.Length;
            }
            return bytes;
        }
        catch
        {
            bytes.Dispose();
            throw;
        }
    }

    private static MappedBytes Map(string path, FileStream stream)
    {
        var file = MemoryMappedFile.CreateFromFile(stream, null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: true);
        MemoryMappedViewAccessor? view = null;
        try
        {
            view = file.CreateViewAccessor(0, 0, MemoryMappedFileAccess.Read);
            // The view's rounding up to whole pages must never count as file: past the end lies a bus error.
            long length = stream.Length;
            byte* data = null;
            view.SafeMemoryMappedViewHandle.AcquirePointer(ref data);
            return new MappedBytes(path, data + view.PointerOffset, length, file, view);
        }
        catch
        {
            view?.Dispose();
            file.Dispose();
            throw;
        }
    }

    /// <summary>Bytes from <paramref name="offset"/> on; the caller has checked the range.</summary>
    internal ReadOnlySpan<byte> Span(long offset, int length)
    {
        if (offset < 0 || length < 0 || length > Length - offset) throw new ArgumentOutOfRangeException(nameof(offset));
        return new ReadOnlySpan<byte>(Data + offset, length);
    }

    public void Dispose()
    {
        if (_data == null) return;
        if (_view is null) NativeMemory.AlignedFree(_data);
        else _view.SafeMemoryMappedViewHandle.ReleasePointer();
        _data = null;
        _view?.Dispose();
        _file?.Dispose();
    }
}
