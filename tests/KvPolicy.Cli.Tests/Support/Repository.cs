namespace KvPolicy.Cli.Tests.Support;

/// <summary>The repository, and the reference data beside it. A test that needs what is not there skips and says so.</summary>
internal static class Repository
{
    /// <summary>Folder that holds KvPolicy.sln.</summary>
    internal static string Root { get; } = FindRoot();

    /// <summary>Path inside the folder <c>shared</c> beside the repository; the calling [SkippableFact] skips where it is absent.</summary>
    internal static string Shared(params string[] parts)
    {
        string path = Path.Combine([Path.GetDirectoryName(Root)!, "shared", .. parts]);
        Skip.IfNot(File.Exists(path) || Directory.Exists(path), $"the reference data is absent: {path}");
        return path;
    }

    private static string FindRoot()
    {
        for (string? folder = AppContext.BaseDirectory; folder is not null; folder = Path.GetDirectoryName(folder))
        {
            if (File.Exists(Path.Combine(folder, "KvPolicy.sln"))) return folder;
        }

        throw new InvalidOperationException($"KvPolicy.sln is in no folder above {AppContext.BaseDirectory}");
    }
}
