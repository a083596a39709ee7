namespace KvPolicy.Inference.Hub;

/// <summary>A file of a fetched model.</summary>
/// <param name="Name">Name in the repository; <c>/</c> between folders.</param>
/// <param name="Bytes">Its length.</param>
/// <param name="Sha256">SHA-256 of its content, 64 lower-case hexadecimal digits.</param>
public sealed record HubFile(string Name, long Bytes, string Sha256);

/// <summary>A model that is whole on this machine.</summary>
/// <param name="Repository"><c>ORG/NAME</c>.</param>
/// <param name="Revision">Branch, tag or commit that was asked for.</param>
/// <param name="Commit">The commit that it is, 40 hexadecimal digits.</param>
/// <param name="Path">What to load: the snapshot's folder, or its GGUF.</param>
/// <param name="Files">Its files.</param>
/// <param name="DownloadedBytes">Bytes that came over the network this time; those that had to be fetched twice count twice.</param>
public sealed record HubFetch(string Repository, string Revision, string Commit, string Path, IReadOnlyList<HubFile> Files, long DownloadedBytes);

/// <summary>How far a fetch is.</summary>
/// <param name="File">File that is being fetched.</param>
/// <param name="Done">Bytes on this machine; falls where a file has to be fetched again.</param>
/// <param name="Total">Bytes of all files of the model.</param>
public readonly record struct HubProgress(string File, long Done, long Total);
