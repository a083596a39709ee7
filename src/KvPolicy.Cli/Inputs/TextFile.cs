using System.Text;
using KvPolicy.Cli.CommandLine;

namespace KvPolicy.Cli.Inputs;

/// <summary>Files of text as arguments name them.</summary>
internal static class TextFile
{
    private const long Largest = 1L << 30;
    private static readonly UTF8Encoding Strict = new(false, throwOnInvalidBytes: true);

    /// <summary>The whole file as UTF-8, byte for byte: no newline added, removed or changed; a leading byte-order mark dropped.</summary>
    /// <exception cref="UsageException">It is absent, a folder, unreadable or not UTF-8.</exception>
    internal static string Read(string option, string path)
    {
        byte[] bytes = ReadBytes(option, path);
        ReadOnlySpan<byte> text = bytes;
        if (text.StartsWith(Encoding.UTF8.Preamble)) text = text[3..];
        try
        {
            return Strict.GetString(text);
        }
        catch (DecoderFallbackException e)
        {
            throw new UsageException($"{option} {path}: byte {e.Index + bytes.Length - text.Length} is not UTF-8; convert the file to UTF-8");
        }
    }

    /// <summary>The whole file.</summary>
    /// <exception cref="UsageException">It is absent, a folder, unreadable or over 1 GiB.</exception>
    internal static byte[] ReadBytes(string option, string path)
    {
        if (path.Length == 0) throw new UsageException($"{option}: the path is empty; name a file");
        if (Directory.Exists(path)) throw new UsageException($"{option} {path}: is a folder; name a file in it");
        try
        {
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 16);
            if (stream.CanSeek && stream.Length > Largest) throw new UsageException($"{option} {path}: {stream.Length} bytes are over the limit of {Largest}; give a shorter file");
            using var all = new MemoryStream();
            CopyUpToLimit(option, path, stream, all);
            return all.ToArray();
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new UsageException($"{option} {path}: no such file; check the path");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw new UsageException($"{option} {path}: cannot be read ({e.Message}); check the file and its permissions");
        }
    }

    // A pipe or /dev/zero has no length to ask for.
    private static void CopyUpToLimit(string option, string path, Stream from, Stream to)
    {
        byte[] part = new byte[1 << 16];
        for (int read; (read = from.Read(part)) > 0;)
        {
            to.Write(part, 0, read);
            if (to.Length > Largest) throw new UsageException($"{option} {path}: more than {Largest} bytes; give a shorter file");
        }
    }
}
