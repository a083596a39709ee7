namespace KvPolicy.Inference.Hub;

/// <summary>
/// Names a content, and is the name of its file among the blobs: SHA-256 in 64 hexadecimal digits for what git LFS keeps,
/// git's SHA-1 in 40 for the rest.
/// </summary>
internal readonly record struct BlobId
{
    internal const int Sha256Digits = 64, GitDigits = 40;

    private BlobId(string hex) => Hex = hex;

    /// <summary>Lower-case digits.</summary>
    internal string Hex { get; }

    /// <summary>True for the SHA-256 of the content itself.</summary>
    internal bool IsSha256 => Hex.Length == Sha256Digits;

    /// <summary>Reads an id, or an entity tag that holds one (<c>"...", W/"..."</c>); null where it is none.</summary>
    internal static BlobId? TryParse(string? text)
    {
        if (text is null) return null;
        string hex = (text.StartsWith("W/", StringComparison.Ordinal) ? text[2..] : text).Trim('"').ToLowerInvariant();
        return hex.Length is Sha256Digits or GitDigits && hex.All(char.IsAsciiHexDigitLower) ? new BlobId(hex) : null;
    }

    public override string ToString() => Hex;
}
