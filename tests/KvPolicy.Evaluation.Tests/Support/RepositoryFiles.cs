namespace KvPolicy.Evaluation.Tests.Support;

/// <summary>The repository, and the reference data in the folder beside it.</summary>
internal static class RepositoryFiles
{
    internal static string Root { get; } = FindRoot();

    /// <summary>A file of this repository.</summary>
    internal static string Own(string path) => Path.Combine(Root, path);

    /// <summary>A file of the reference data; the test is skipped where it is absent.</summary>
    internal static string Shared(string path)
    {
        string file = Path.GetFullPath(Path.Combine(Root, "..", "shared", path));
        Skip.IfNot(File.Exists(file), $"The reference data are absent: shared/{path} beside the repository.");
        return file;
    }

    private static string FindRoot()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder != null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "KvPolicy.sln"))) return folder.FullName;
        }

        throw new DirectoryNotFoundException("KvPolicy.sln stands in no folder above the tests.");
    }
}
