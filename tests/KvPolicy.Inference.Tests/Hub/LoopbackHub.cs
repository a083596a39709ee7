using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace KvPolicy.Tests.Hub;

/// <summary>
/// A server that behaves like the hub: the list of a repository's files with lengths and hashes, small files itself, large ones by a
/// redirect to a second server (another port: another host to a client), ranges and If-Range on both. <see cref="Answer"/> and
/// <see cref="StoreAnswer"/> put faults in.
/// </summary>
internal sealed class LoopbackHub : IDisposable
{
    internal const string Repository = "org/tiny", Commit = "0123456789abcdef0123456789abcdef01234567";

    private readonly LoopbackServer _hub, _store;

    internal LoopbackHub(IReadOnlyDictionary<string, byte[]> files)
    {
        Files = new Dictionary<string, byte[]>(files, StringComparer.Ordinal);
        _hub = new LoopbackServer(request => Answer(request) ?? OfHub(request));
        _store = new LoopbackServer(request => StoreAnswer(request) ?? OfStore(request));
    }

    /// <summary>Files of <see cref="Repository"/> at <see cref="Commit"/>, which is main.</summary>
    internal Dictionary<string, byte[]> Files { get; }

    internal Uri Address => _hub.Address;

    internal Uri StoreAddress => _store.Address;

    /// <summary>What the hub answers instead; null for what it should.</summary>
    internal Func<ServerRequest, ServerReply?> Answer { get; set; } = _ => null;

    /// <summary>What the second server answers instead; null for what it should.</summary>
    internal Func<ServerRequest, ServerReply?> StoreAnswer { get; set; } = _ => null;

    /// <summary>Ranges are answered with the whole.</summary>
    internal bool IgnoresRanges { get; init; }

    /// <summary>The list has names alone, as some mirrors' has.</summary>
    internal bool ListsNamesOnly { get; init; }

    internal IEnumerable<ServerRequest> Requests => _hub.Requests;

    internal IEnumerable<ServerRequest> StoreRequests => _store.Requests;

    /// <summary>Every request to either server.</summary>
    internal int Count => _hub.Requests.Count + _store.Requests.Count;

    internal static bool IsLarge(string name) => Path.GetExtension(name) is ".safetensors" or ".gguf" or ".bin";

    internal static string Sha256(byte[] content) => Convert.ToHexStringLower(SHA256.HashData(content));

    /// <summary>The name that git gives a content.</summary>
    internal static string GitSha1(byte[] content)
        => Convert.ToHexStringLower(SHA1.HashData([.. Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"blob {content.Length}\0")), .. content]));

    /// <summary>Name of a content among the blobs.</summary>
    internal static string Blob(string name, byte[] content) => IsLarge(name) ? Sha256(content) : GitSha1(content);

    /// <summary>The list of the files.</summary>
    internal ServerReply List(Func<string, byte[], object?>? lfs = null, string commit = Commit)
    {
        var siblings = Files.Select(f => ListsNamesOnly ? new Dictionary<string, object?> { ["rfilename"] = f.Key } : new Dictionary<string, object?>
        {
            ["rfilename"] = f.Key,
            ["size"] = f.Value.Length,
            ["blobId"] = IsLarge(f.Key) ? GitSha1(Encoding.ASCII.GetBytes("pointer to " + f.Key)) : GitSha1(f.Value),
            ["lfs"] = lfs?.Invoke(f.Key, f.Value) ?? (IsLarge(f.Key) ? new { sha256 = Sha256(f.Value), size = f.Value.Length, pointerSize = 134 } : null),
        });
        return ServerReply.Of(200, JsonSerializer.Serialize(new { id = Repository, sha = commit, @private = false, siblings }), ("Content-Type", "application/json; charset=utf-8"));
    }

    /// <summary>A content, or the part of it that was asked for.</summary>
    internal ServerReply Content(ServerRequest request, byte[] content, string tag)
    {
        string quoted = $"\"{tag}\"";
        bool wholly = IgnoresRanges || request.Header("Range") is null || (request.Header("If-Range") is { } same && same != quoted);
        if (wholly) return new ServerReply(200, content) { Headers = { ["ETag"] = quoted } };
        int from = int.Parse(request.Header("Range")!["bytes=".Length..].TrimEnd('-'), NumberStyles.None, CultureInfo.InvariantCulture);
        if (from >= content.Length) return new ServerReply(416, []) { Headers = { ["Content-Range"] = $"bytes */{content.Length}" } };
        return new ServerReply(206, content[from..]) { Headers = { ["ETag"] = quoted, ["Content-Range"] = $"bytes {from}-{content.Length - 1}/{content.Length}" } };
    }

    /// <summary>What the second server should answer.</summary>
    internal ServerReply OfStore(ServerRequest request)
    {
        string sha = request.Path[1..];
        // A store's own tag says nothing of the content.
        return Files.Values.FirstOrDefault(content => Sha256(content) == sha) is { } content ? Content(request, content, "store-" + sha[..8]) : ServerReply.Of(404);
    }

    public void Dispose()
    {
        _hub.Dispose();
        _store.Dispose();
    }

    /// <summary>What the hub should answer.</summary>
    internal ServerReply OfHub(ServerRequest request)
    {
        if (request.Path is "/api/models/org/tiny/revision/main" or $"/api/models/org/tiny/revision/{Commit}" or "/api/models/org/tiny/revision/refs%2Fpr%2F1") return List();
        if (request.Path.StartsWith("/api/models/org/tiny/", StringComparison.Ordinal)) return ServerReply.Of(404, "", ("X-Error-Code", "RevisionNotFound"));
        // To a stranger the hub does not even say that a repository is not there.
        if (request.Path.StartsWith("/api/", StringComparison.Ordinal))
            return request.Header("Authorization") is null ? ServerReply.Of(401, "", ("X-Error-Message", "Invalid username or password.")) : ServerReply.Of(404, "", ("X-Error-Code", "RepoNotFound"));
        const string Resolve = $"/{Repository}/resolve/{Commit}/";
        string name = request.Path.StartsWith(Resolve, StringComparison.Ordinal) ? Uri.UnescapeDataString(request.Path[Resolve.Length..]) : "";
        if (!Files.TryGetValue(name, out byte[]? content)) return ServerReply.Of(404, "", ("X-Error-Code", "EntryNotFound"));
        return IsLarge(name) ? Redirect(content) : Commited(Content(request, content, GitSha1(content)));
    }

    private ServerReply Redirect(byte[] content) => Commited(ServerReply.Of(302, "Found",
        ("Location", $"{StoreAddress.AbsoluteUri}{Sha256(content)}?X-Amz-Signature=a%2Fb%3D"), ("X-Linked-Etag", $"\"{Sha256(content)}\""),
        ("X-Linked-Size", content.Length.ToString(CultureInfo.InvariantCulture))));

    private static ServerReply Commited(ServerReply reply)
    {
        reply.Headers["X-Repo-Commit"] = Commit;
        return reply;
    }
}
