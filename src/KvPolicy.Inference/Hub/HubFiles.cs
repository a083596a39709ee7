using System.Security.Cryptography;
using KvPolicy.Inference.Loading;

namespace KvPolicy.Inference.Hub;

/// <summary>Files of a snapshot that are here.</summary>
internal static class HubFiles
{
    /// <summary>Length of a file, or of what a link leads to; null where that is not there. (File.Exists says yes of a link that leads nowhere.)</summary>
    internal static long? Length(string path)
    {
        if (!File.Exists(path)) return null;
        var real = new FileInfo(RealPath.Of(path));
        return real.Exists ? real.Length : null;
    }

    /// <summary>Length and SHA-256 of a file; where the name of its blob is the SHA-256, that is taken.</summary>
    /// <param name="name">Its name in the repository.</param>
    /// <param name="place">Its place in the snapshot: a link, or the file itself.</param>
    /// <param name="sha256">Its SHA-256 where that is known.</param>
    internal static HubFile Describe(string name, string place, string? sha256)
    {
        string real = RealPath.Of(place);
        using FileStream file = Open(real);
        if (sha256 is null && BlobId.TryParse(Path.GetFileName(real)) is { IsSha256: true } id) sha256 = id.Hex;
        return new HubFile(name, file.Length, sha256 ?? Convert.ToHexStringLower(SHA256.HashData(file)));
    }

    /// <summary>Opens a file that others may be linking or replacing.</summary>
    internal static FileStream Open(string path) => new(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, 1 << 16);
}
