using KvPolicy.Inference.Loading;

namespace KvPolicy.Inference.Hub;

/// <summary>
/// A repository's part of the cache that Hugging Face's tools share: <c>blobs/ID</c> holds contents, <c>refs/REVISION</c> a commit,
/// <c>snapshots/COMMIT/FILE</c> links to <c>../../blobs/ID</c>.
/// </summary>
internal sealed class HubCache(HubSettings settings, string repository)
{
    private const int CommitDigits = 40;
    private readonly string _name = "models--" + repository.Replace("/", "--", StringComparison.Ordinal);

    /// <summary>Folder of the repository.</summary>
    internal string Folder => Path.Combine(settings.CacheFolder, _name);

    /// <summary>Place of a content.</summary>
    internal string Blob(BlobId id) => Path.Combine(Folder, "blobs", id.Hex);

    /// <summary>Place of a content that is not whole yet.</summary>
    internal string Incomplete(BlobId id) => Blob(id) + ".incomplete";

    /// <summary>Place of the lock on a content, where Python's tools have it.</summary>
    internal string Lock(BlobId id) => Path.Combine(settings.CacheFolder, ".locks", _name, id.Hex + ".lock");

    /// <summary>Folder of a commit.</summary>
    internal string Snapshot(string commit) => Path.Combine(Folder, "snapshots", commit);

    /// <summary>Place of a file of a commit.</summary>
    /// <exception cref="HubException">The name leads out of the snapshot.</exception>
    internal string At(string commit, string file) => ModelFolder.IsInside(file)
        ? Path.Combine([Snapshot(commit), .. file.Split('/')])
        : throw new HubException($"{repository}: '{LoadError.Printable(file)}' leads out of the repository's folder, or is no name of a file; nothing of it is fetched: use another repository");

    /// <summary>True for what can be a commit's name.</summary>
    internal static bool IsCommit(string text) => text.Length == CommitDigits && text.All(char.IsAsciiHexDigit);

    /// <summary>The commit that a revision was when it was fetched last, or null.</summary>
    internal string? CommitOf(string revision)
    {
        if (IsCommit(revision)) return revision.ToLowerInvariant();
        string file = Reference(revision);
        if (!File.Exists(file)) return null;
        string commit = File.ReadAllText(file).Trim();
        return IsCommit(commit) ? commit : null;
    }

    /// <summary>Names of the files of a commit that are here whole; links whose content is gone are not.</summary>
    internal IReadOnlyCollection<string> Names(string commit)
    {
        string folder = Snapshot(commit);
        if (!Directory.Exists(folder)) return [];
        return
        [
            .. Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Where(path => HubFiles.Length(path) is not null)
                .Select(path => Path.GetRelativePath(folder, path).Replace(Path.DirectorySeparatorChar, '/')),
        ];
    }

    /// <summary>Puts a whole content into a snapshot.</summary>
    /// <param name="commit">The snapshot.</param>
    /// <param name="file">Name of the file.</param>
    /// <param name="id">Its content, which lies among the blobs.</param>
    internal void Link(string commit, string file, BlobId id)
    {
        string place = At(commit, file), blob = Blob(id), beside = $"{place}.{Path.GetRandomFileName()}.tmp";
        Directory.CreateDirectory(Path.GetDirectoryName(place)!);
        try
        {
            if (!TryLink(beside, Path.GetRelativePath(Path.GetDirectoryName(place)!, blob))) File.Copy(blob, beside);
            File.Move(beside, place, overwrite: true);
        }
        catch
        {
            File.Delete(beside);
            throw;
        }
    }

    /// <summary>Notes which commit a revision is.</summary>
    internal void Note(string revision, string commit)
    {
        if (IsCommit(revision) || CommitOf(revision) == commit) return;
        string place = Reference(revision), beside = $"{place}.{Path.GetRandomFileName()}.tmp";
        Directory.CreateDirectory(Path.GetDirectoryName(place)!);
        // No newline: Python's tools take the whole text for the commit.
        File.WriteAllText(beside, commit);
        File.Move(beside, place, overwrite: true);
    }

    private string Reference(string revision) => Path.Combine([Folder, "refs", .. revision.Split('/')]);

    private bool TryLink(string link, string target)
    {
        if (!settings.SymbolicLinks) return false;
        try
        {
            File.CreateSymbolicLink(link, target);
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or PlatformNotSupportedException)
        {
            return false; // a disk without links, or Windows without the right to make them
        }
    }
}
