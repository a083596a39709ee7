using System.Reflection;
using KvPolicy.Inference.Models;

namespace KvPolicy.Inference.Loading;

/// <summary>The files of a Hugging Face model by name: a folder on disk, or the resources of the embedded model. No name leads outside.</summary>
internal abstract class ModelFolder
{
    /// <summary>A file of words is read whole; none in use comes near this.</summary>
    private const long LargestText = 1L << 29;

    /// <summary>What messages call it.</summary>
    internal abstract string Name { get; }

    /// <summary>Path of a file as messages call it.</summary>
    internal string Describe(string file) => Name + "/" + file;

    /// <summary>True where the file exists.</summary>
    internal abstract bool Has(string file);

    /// <summary>The whole file.</summary>
    /// <exception cref="ModelFormatException">It is absent, unreadable or a folder.</exception>
    internal byte[] ReadAllBytes(string file)
    {
        using MappedBytes bytes = Map(file);
        if (bytes.Length > LargestText) throw LoadError.Damaged(Describe(file), "size", $"{bytes.Length} bytes are too many for such a file");
        return bytes.Span(0, (int)bytes.Length).ToArray();
    }

    /// <summary>The file's bytes for as long as they are not disposed.</summary>
    internal abstract MappedBytes Map(string file);

    /// <summary>A folder on disk; its files may be symbolic links (as in the hub's cache).</summary>
    internal static ModelFolder OnDisk(string path) => new DiskFolder(path);

    /// <summary>Resources of this assembly below a prefix.</summary>
    internal static ModelFolder InResources(string prefix) => new ResourceFolder(prefix);

    /// <summary>A file's name out of a model's index: a plain name, or a path that stays inside the folder.</summary>
    internal static bool IsInside(string file)
    {
        if (file.Length == 0 || Path.IsPathRooted(file) || file.Contains('\\') || file.Contains(':') || file.Any(char.IsControl)) return false;
        return file.Split('/').All(part => part.Length > 0 && part is not ("." or ".."));
    }

    private sealed class DiskFolder(string path) : ModelFolder
    {
        internal override string Name => Path.TrimEndingDirectorySeparator(path);

        internal override bool Has(string file) => File.Exists(Path.Combine(path, file));

        internal override MappedBytes Map(string file) => MappedBytes.Open(Path.Combine(path, file));
    }

    private sealed class ResourceFolder(string prefix) : ModelFolder
    {
        private static readonly Assembly Home = typeof(ModelFolder).Assembly;

        internal override string Name => prefix;

        internal override bool Has(string file) => Home.GetManifestResourceInfo(prefix + "/" + file) is not null;

        internal override MappedBytes Map(string file)
        {
            using Stream stream = Home.GetManifestResourceStream(prefix + "/" + file)
                ?? throw LoadError.Of(Name, file, "no such resource", "install the package again");
            return MappedBytes.Copy(Describe(file), stream);
        }
    }
}
