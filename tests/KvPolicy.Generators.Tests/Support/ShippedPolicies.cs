namespace KvPolicy.Generators.Tests.Support;

/// <summary>The sources of the policies that this repository ships.</summary>
internal static class ShippedPolicies
{
    private static readonly Dictionary<string, string> Sources = Directory.EnumerateFiles(Path.Combine(Root(), "policies", "KvPolicy.Policies"), "*.cs")
        .ToDictionary(file => Path.GetFileNameWithoutExtension(file), File.ReadAllText);

    public static IEnumerable<string> Names => Sources.Keys.Where(name => name != "Catalog").Order(StringComparer.Ordinal);

    public static string Source(string name) => "using KvPolicy;\n" + Sources[name];

    /// <summary>A text file of the repository, with \n as line ends.</summary>
    public static string Text(params string[] path) => File.ReadAllText(Path.Combine([Root(), .. path])).ReplaceLineEndings("\n");

    private static string Root()
    {
        string? folder = AppContext.BaseDirectory;
        while (folder is not null && !File.Exists(Path.Combine(folder, "KvPolicy.sln"))) folder = Path.GetDirectoryName(folder);
        return folder ?? throw new InvalidOperationException("The tests run inside the repository: no KvPolicy.sln above them.");
    }
}
