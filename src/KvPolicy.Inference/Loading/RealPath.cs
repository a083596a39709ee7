namespace KvPolicy.Inference.Loading;

/// <summary>
/// Where a path leads through symbolic links. File.ResolveLinkTarget takes a relative link as if it stood where the path says, not where
/// its folder really is: in a folder that is itself a link (a hub's cache under a shorter name), it finds nothing.
/// </summary>
internal static class RealPath
{
    // As Linux counts.
    private const int MostLinks = 40;

    /// <summary>The path without links; what does not exist is kept as written.</summary>
    /// <exception cref="IOException">Links lead in a circle.</exception>
    internal static string Of(string path)
    {
        string full = Path.GetFullPath(path), real = Path.GetPathRoot(full)!;
        int links = 0;
        var ahead = new Stack<string>();
        Push(ahead, full[real.Length..]);
        while (ahead.TryPop(out string? part))
        {
            if (part is "" or ".") continue;
            if (part == "..")
            {
                real = Path.GetDirectoryName(real) ?? real;
                continue;
            }
            string next = Path.Combine(real, part);
            if (new FileInfo(next).LinkTarget is not { } target)
            {
                real = next;
                continue;
            }
            if (++links > MostLinks) throw new IOException($"more than {MostLinks} symbolic links follow one another");
            if (Path.IsPathRooted(target)) real = Path.GetPathRoot(target)!;
            Push(ahead, target[(Path.GetPathRoot(target)?.Length ?? 0)..]);
        }
        return real;
    }

    private static void Push(Stack<string> ahead, string path)
    {
        foreach (string part in path.Split(Path.DirectorySeparatorChar, Path.AltDirectorySeparatorChar).Reverse()) ahead.Push(part);
    }
}
