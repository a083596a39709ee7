namespace KvPolicy.Benchmarks;

/// <summary>The GGUF file of the reference data beside the repository.</summary>
internal static class ReferenceModel
{
    /// <summary>Its path, whether it is there or not.</summary>
    internal static string Find()
    {
        string? folder = AppContext.BaseDirectory;
        while (folder is not null && !File.Exists(Path.Combine(folder, "KvPolicy.sln"))) folder = Path.GetDirectoryName(folder);
        return Path.Combine(folder ?? "", "..", "shared", "models", "SmolLM2-135M-Instruct", "SmolLM2-135M-Instruct.Q4_1.gguf");
    }
}
