using KvPolicy.Inference.Loading;
using KvPolicy.Inference.Models;

namespace KvPolicy.Inference.Tokenization.Formats;

/// <summary>Reads small files whole, with one-line errors.</summary>
internal static class TokenizerFiles
{
    /// <summary>Longest JSON document that is read; the largest tokenizer.json in use has some 40 MB.</summary>
    internal const long MaxJsonBytes = 256L << 20;

    /// <exception cref="ModelFormatException">The file is absent, no regular file, too long or cannot be read.</exception>
    internal static byte[] ReadBytes(string file, long limit)
    {
        if (Directory.Exists(file)) throw LoadError.Of(file, "path", "is a folder where a file is expected", "name a file");
        try
        {
            using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.Read, 1);
            if (!stream.CanSeek) throw LoadError.Of(file, "path", "is not a regular file", "copy it to a file first");
            if (stream.Length > limit) throw LoadError.Of(file, "size", $"{stream.Length} bytes, more than {limit}", "this is no tokenizer file");
            var bytes = new byte[stream.Length];
            stream.ReadExactly(bytes);
            return bytes;
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw LoadError.Of(file, "path", "no such file", "check the spelling of the path", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw LoadError.Of(file, "path", $"cannot be read ({e.Message})", "check the file and its permissions", e);
        }
    }

    /// <summary>As <see cref="ReadBytes"/>; null where the file is absent.</summary>
    internal static byte[]? ReadIfPresent(string file) => File.Exists(file) ? ReadBytes(file, MaxJsonBytes) : null;
}
