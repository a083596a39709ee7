using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace KvPolicy.Inference.Hub;

/// <summary>Hashes of a content as it arrives: SHA-256, and git's SHA-1 where that is the content's name.</summary>
internal sealed class BlobHash : IDisposable
{
    private const int BufferBytes = 1 << 17;

    private readonly IncrementalHash _sha256 = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private readonly IncrementalHash? _git;
    private readonly BlobId _id;

    /// <summary>Starts before the first byte.</summary>
    /// <param name="id">What the content should be.</param>
    /// <param name="length">Its length; git hashes it before the content.</param>
    internal BlobHash(BlobId id, long length)
    {
        _id = id;
        if (id.IsSha256) return;
        _git = IncrementalHash.CreateHash(HashAlgorithmName.SHA1);
        _git.AppendData(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"blob {length}\0")));
    }

    internal void Append(ReadOnlySpan<byte> bytes)
    {
        _sha256.AppendData(bytes);
        _git?.AppendData(bytes);
    }

    /// <summary>Takes what a stream holds from its position on.</summary>
    internal void Append(Stream stream)
    {
        byte[] buffer = new byte[BufferBytes];
        for (int read; (read = stream.Read(buffer)) > 0;) Append(buffer.AsSpan(0, read));
    }

    /// <summary>Ends it: the SHA-256, and whether the content is what its name says.</summary>
    internal (string Sha256, bool Fits) Finish()
    {
        string sha256 = Convert.ToHexStringLower(_sha256.GetHashAndReset());
        return (sha256, (_git is null ? sha256 : Convert.ToHexStringLower(_git.GetHashAndReset())) == _id.Hex);
    }

    public void Dispose()
    {
        _sha256.Dispose();
        _git?.Dispose();
    }
}
