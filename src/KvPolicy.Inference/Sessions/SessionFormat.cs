using System.Globalization;
using System.Text;
using KvPolicy.Inference.Loading;
using KvPolicy.Inference.Loading.Safetensors;

namespace KvPolicy.Inference.Sessions;

/// <summary>
/// Names of a session file: safetensors whose metadata begins with the SHA-256 of the whole file, those 64 digits taken as zeros. Tensors:
/// <c>tokens</c>, <c>shots</c> and <c>logits</c> where there are any, and for each layer and KV head keys [held, headDim], values [held, headDim],
/// positions [held] and state [held], slot by slot.
/// </summary>
internal static class SessionFormat
{
    /// <summary>What this version writes, and all that it reads.</summary>
    internal const int Version = 1;

    /// <summary>First entry of the metadata: the checksum; what tells a session file from any other.</summary>
    internal const string Checksum = "kvpolicy-session-sha256";

    internal const string VersionEntry = "version", Model = "model", Fingerprint = "modelSha256";
    internal const string Policy = "policy", Plan = "policyPlan", Passes = "policyPasses", Keep = "policyKeep", DecodeKeep = "policyDecodeKeep", Parameters = "policyParameters";
    internal const string Capacity = "capacity", Length = "length", Prompt = "prompt";
    internal const string Tokens = "tokens", Shots = "shots", Logits = "logits";

    /// <summary>Digits of the checksum.</summary>
    internal const int ChecksumDigits = 64;

    private static readonly string Beginning = $"{{\"{SafetensorsHeader.Metadata}\":{{\"{Checksum}\":\"";

    /// <summary>The checksum before it is known.</summary>
    internal static string NoChecksum { get; } = new('0', ChecksumDigits);

    /// <summary>Byte of the file where the checksum stands: the header's length comes first.</summary>
    internal static int ChecksumOffset => sizeof(long) + Beginning.Length;

    /// <summary>True where a file begins as sessions do.</summary>
    internal static bool IsSession(MappedBytes file)
        => file.Length > ChecksumOffset + ChecksumDigits && file.Span(sizeof(long), Beginning.Length).SequenceEqual(Encoding.ASCII.GetBytes(Beginning));

    internal static string Keys(int layer, int head) => Name("keys", layer, head);

    internal static string Values(int layer, int head) => Name("values", layer, head);

    internal static string Positions(int layer, int head) => Name("positions", layer, head);

    internal static string State(int layer, int head) => Name("state", layer, head);

    private static string Name(string what, int layer, int head) => string.Create(CultureInfo.InvariantCulture, $"layers.{layer}.heads.{head}.{what}");
}
