using System.Buffers.Binary;

namespace KvPolicy.Inference.Loading;

/// <summary>A look at a file's first bytes, to tell formats apart before one is chosen.</summary>
internal static class FileStart
{
    /// <summary>First eight bytes, little-endian, zeros where the file is shorter; false where it cannot be read.</summary>
    internal static bool TryRead(string path, out ulong first8)
    {
        first8 = 0;
        try
        {
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1);
            Span<byte> start = stackalloc byte[8];
            start.Clear();
            _ = stream.ReadAtLeast(start, 8, throwOnEndOfStream: false);
            first8 = BinaryPrimitives.ReadUInt64LittleEndian(start);
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            return false;
        }
    }
}
