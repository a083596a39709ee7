namespace KvPolicy.Gpu.Tests;

/// <summary>The reference data: the folder <c>shared</c> beside the repository. A test that needs what is not there skips and says so.</summary>
internal static class SharedData
{
    /// <summary>Folder that holds KvPolicy.sln.</summary>
    internal static string Repository { get; } = FindRepository();

    /// <summary>The folder <c>shared</c>, whether it exists or not.</summary>
    internal static string Root { get; } = Path.Combine(Path.GetDirectoryName(Repository)!, "shared");

    /// <summary>Path of a file or folder inside <c>shared</c>, parts given one by one; the calling [SkippableFact] skips where it is absent.</summary>
    internal static string Need(params string[] parts)
    {
        string path = Path.Combine([Root, .. parts]);
        Skip.IfNot(File.Exists(path) || Directory.Exists(path), $"the reference data is absent: {path}");
        return path;
    }

    /// <summary>As <see cref="Need"/>, below <c>shared/models</c>.</summary>
    internal static string Model(params string[] parts) => Need(["models", .. parts]);

    private static string FindRepository()
    {
        for (string? folder = AppContext.BaseDirectory; folder is not null; folder = Path.GetDirectoryName(folder))
        {
            if (File.Exists(Path.Combine(folder, "KvPolicy.sln"))) return folder;
        }
        throw new InvalidOperationException($"KvPolicy.sln is in no folder above {AppContext.BaseDirectory}");
    }
}
