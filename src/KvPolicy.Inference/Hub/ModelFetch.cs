using KvPolicy.Inference.Loading;
using KvPolicy.Inference.Loading.HuggingFace;

namespace KvPolicy.Inference.Hub;

/// <summary>One fetch: lists the repository, chooses files, brings what is not here, links the snapshot, notes the revision. In this order,
/// so that whatever ends it leaves nothing that looks whole and is not.</summary>
internal sealed class ModelFetch(HubModel model, HubSettings settings, HubHttp http, IProgress<HubProgress>? progress)
{
    // Read whole; none in use comes near this.
    private const long LargestIndex = 1L << 28;

    private readonly HubCache _cache = new(settings, model.Repository);
    private readonly List<Item> _items = [];
    private long _downloaded;

    /// <summary>Does it.</summary>
    internal async Task<HubFetch> RunAsync(CancellationToken cancellation)
    {
        HubListing listing = await ListAsync(cancellation).ConfigureAwait(false);
        FileChoice choice = FileChoice.Of(model, [.. listing.Entries.Keys]);
        await AddAsync(listing, choice.Files, cancellation).ConfigureAwait(false);
        if (choice.NeedsIndex) await AddShardsAsync(listing, cancellation).ConfigureAwait(false);
        RefuseWithoutRoom();
        long total = _items.Sum(i => i.Bytes), before = 0;
        foreach (Item item in _items)
        {
            long done = before;
            await BringAsync(item, here => progress?.Report(new HubProgress(item.Name, done + here, total)), cancellation).ConfigureAwait(false);
            before += item.Bytes;
            progress?.Report(new HubProgress(item.Name, before, total));
        }

        foreach (Item item in _items.Where(i => !i.IsLinked)) _cache.Link(listing.Commit, item.Name, item.Id);
        _cache.Note(model.Revision, listing.Commit);
        string path = choice.Gguf is null ? _cache.Snapshot(listing.Commit) : _cache.At(listing.Commit, choice.Gguf);
        return new HubFetch(model.Repository, model.Revision, listing.Commit, path, [.. _items.Select(i => i.Describe())], _downloaded);
    }

    private async Task<HubListing> ListAsync(CancellationToken cancellation)
    {
        string path = $"/api/models/{HubRequest.Escape(model.Repository)}/revision/{Uri.EscapeDataString(model.Revision)}?blobs=true";
        (Uri address, byte[] json) = await http.GetJsonAsync(http.Purpose(model, null), path, cancellation).ConfigureAwait(false);
        return HubListing.Parse(address, json);
    }

    private async Task AddAsync(HubListing listing, IEnumerable<string> names, CancellationToken cancellation)
    {
        foreach (string name in names)
        {
            HubEntry entry = listing.Entries[name];
            string path = $"/{HubRequest.Escape(model.Repository)}/resolve/{listing.Commit}/{HubRequest.Escape(name)}", place = _cache.At(listing.Commit, name);
            (BlobId? id, long? bytes) = (entry.Id, entry.Bytes);
            if (id is null || bytes is null) (id, bytes) = await http.HeadAsync(http.Purpose(model, name), path, cancellation).ConfigureAwait(false);
            if (id is null || bytes is null) throw HubErrors.NoHash(http.Purpose(model, name), settings.Endpoint);
            _items.Add(new Item(name, path, id.Value, bytes.Value, place));
        }
    }

    // Which weights there are, the index says; what else lies in the repository is not the loader's.
    private async Task AddShardsAsync(HubListing listing, CancellationToken cancellation)
    {
        Item index = _items[^1];
        string shown = $"{model.Repository}/{index.Name}";
        if (index.Bytes > LargestIndex) throw new HubException($"{shown}: {ByteCount.Show(index.Bytes)} are too many for a list of names; use another repository or revision");
        await BringAsync(index, _ => { }, cancellation).ConfigureAwait(false);
        IReadOnlyCollection<string> shards = HfShards.NamesIn(shown, await File.ReadAllBytesAsync(index.IsLinked ? index.Place : _cache.Blob(index.Id), cancellation).ConfigureAwait(false));
        if (shards.FirstOrDefault(name => !ModelFolder.IsInside(name) || !listing.Entries.ContainsKey(name)) is { } missing)
            throw new HubException($"{shown}: it names {LoadError.Printable(missing)}, which is not in the repository; use another repository or revision");
        await AddAsync(listing, shards, cancellation).ConfigureAwait(false);
    }

    private void RefuseWithoutRoom()
    {
        long needed = _items.Where(i => !i.IsLinked && !IsWhole(_cache.Blob(i.Id), i.Id, i.Bytes)).DistinctBy(i => i.Id).Aggregate(0L, (sum, item) =>
        {
            var incomplete = new FileInfo(_cache.Incomplete(item.Id));
            // Lengths are the hub's word: their sum must not turn negative.
            return (long)Math.Min((ulong)long.MaxValue, (ulong)sum + (ulong)Math.Max(0, item.Bytes - (incomplete.Exists ? incomplete.Length : 0)));
        });
        if (needed == 0) return;
        Directory.CreateDirectory(settings.CacheFolder);
        if (FreeBytes() is { } free && free < needed) throw HubErrors.NoRoom(model, settings.CacheFolder, needed, free);
    }

    private long? FreeBytes()
    {
        try
        {
            return new DriveInfo(settings.CacheFolder).AvailableFreeSpace;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return null; // a share, or a mount that does not say: writing will tell
        }
    }

    private async Task BringAsync(Item item, Action<long> report, CancellationToken cancellation)
    {
        string blob = _cache.Blob(item.Id), incomplete = _cache.Incomplete(item.Id);
        if (item.IsLinked || IsWhole(blob, item.Id, item.Bytes)) return;
        using IDisposable taken = await CacheLock.TakeAsync(_cache.Lock(item.Id), cancellation).ConfigureAwait(false);
        if (IsWhole(blob, item.Id, item.Bytes)) return; // the other pull has brought it
        Directory.CreateDirectory(Path.GetDirectoryName(blob)!);
        using (var download = new BlobDownload(http, http.Purpose(model, item.Name), item.Path, item.Id, item.Bytes, incomplete, report))
        {
            try
            {
                await download.RunAsync(settings.Clock, cancellation).ConfigureAwait(false);
            }
            finally
            {
                _downloaded += download.Received;
            }
        }

        File.Move(incomplete, blob, overwrite: true);
    }

    // A file that was damaged since it came still has its length.
    private static bool IsWhole(string path, BlobId id, long bytes)
    {
        if (HubFiles.Length(path) != bytes) return false;
        using FileStream file = HubFiles.Open(RealPath.Of(path));
        using var hash = new BlobHash(id, bytes);
        hash.Append(file);
        return hash.Finish().Fits;
    }

    private sealed record Item(string Name, string Path, BlobId Id, long Bytes, string Place)
    {
        internal bool IsLinked { get; } = IsWhole(Place, Id, Bytes);

        internal HubFile Describe() => HubFiles.Describe(Name, Place, Id.IsSha256 ? Id.Hex : null);
    }
}
