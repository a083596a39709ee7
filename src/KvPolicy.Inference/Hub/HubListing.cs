using System.Text.Json;
using KvPolicy.Inference.Loading;

namespace KvPolicy.Inference.Hub;

/// <summary>A file of a repository as the hub lists it. Its length and id are null where the hub does not say them in the list.</summary>
internal sealed record HubEntry(string Name, long? Bytes, BlobId? Id);

/// <summary>What a repository holds at a revision.</summary>
internal sealed record HubListing(string Commit, IReadOnlyDictionary<string, HubEntry> Entries)
{
    /// <summary>Reads the hub's answer to <c>/api/models/ORG/NAME/revision/REV?blobs=true</c>.</summary>
    /// <exception cref="HubException">It is no such answer.</exception>
    internal static HubListing Parse(Uri address, byte[] json)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(json);
            JsonElement root = document.RootElement;
            if (root.ValueKind != JsonValueKind.Object || Text(root, "sha") is not { } commit || !root.TryGetProperty("siblings", out JsonElement siblings)
                || siblings.ValueKind != JsonValueKind.Array) throw HubErrors.NoHub(address, "no commit and no files are in its answer");
            if (!HubCache.IsCommit(commit)) throw HubErrors.NoHub(address, $"'{LoadError.Printable(commit)}' is no commit");
            var entries = new Dictionary<string, HubEntry>(StringComparer.Ordinal);
            foreach (JsonElement sibling in siblings.EnumerateArray()) Add(entries, sibling);
            return new HubListing(commit.ToLowerInvariant(), entries);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw HubErrors.NoHub(address, "its answer is no JSON", e);
        }
    }

    private static void Add(Dictionary<string, HubEntry> entries, JsonElement sibling)
    {
        if (sibling.ValueKind != JsonValueKind.Object || Text(sibling, "rfilename") is not { } name) return;
        bool isLarge = sibling.TryGetProperty("lfs", out JsonElement lfs) && lfs.ValueKind == JsonValueKind.Object;
        entries[name] = isLarge
            ? new HubEntry(name, Length(lfs), BlobId.TryParse(Text(lfs, "sha256")))
            : new HubEntry(name, Length(sibling), BlobId.TryParse(Text(sibling, "blobId")));
    }

    private static string? Text(JsonElement element, string name)
        => element.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    private static long? Length(JsonElement element)
        => element.TryGetProperty("size", out JsonElement value) && value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out long bytes) && bytes >= 0 ? bytes : null;
}
