using System.Buffers.Binary;
using KvPolicy.Inference.Models;

namespace KvPolicy.Inference.Loading;

/// <summary>A look at a file before it is mapped: whether it is one, and its first bytes, which tell formats apart.</summary>
internal static class FileStart
{
    /// <summary>Refuses what is absent, a folder, or without length. Pipes and devices have none, and opening them could wait forever.</summary>
    /// <exception cref="ModelFormatException">Naming the path.</exception>
    internal static void RequireFile(string path)
    {
        if (Directory.Exists(path)) throw LoadError.Of(path, "path", "is a folder where a file is expected", "name a file in it");
        if (!File.Exists(path)) throw LoadError.Of(path, "path", "no such file", "check the spelling of the path");
        try
        {
            // The length of a link is its own.
            if (new FileInfo(RealPath.Of(path)).Length == 0) throw LoadError.Damaged(path, "size", "the file is empty, or not a regular one");
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw LoadError.Of(path, "path", "is a link that leads nowhere", "fetch the file again", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw LoadError.Of(path, "path", $"cannot be read ({e.Message})", "check the file and its permissions", e);
        }
    }

    /// <summary>First eight bytes, little-endian, zeros where the file is shorter; false where it cannot be read.</summary>
    internal static bool TryRead(string path, out ulong first8)
    {
        first8 = 0;
        try
        {
            RequireFile(path);
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1);
            Span<byte> start = stackalloc byte[8];
            start.Clear();
            _ = stream.ReadAtLeast(start, 8, throwOnEndOfStream: false);
            first8 = BinaryPrimitives.ReadUInt64LittleEndian(start);
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or ModelFormatException)
        {
            return false;
        }
    }
}
