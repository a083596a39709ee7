using System.Globalization;
using System.Text.RegularExpressions;
using KvPolicy.Inference.Models;

namespace KvPolicy.Inference.Loading.Gguf;

/// <summary>A GGUF model of one file, or of the parts NAME-00001-of-N.gguf; the first holds the metadata.</summary>
internal sealed partial class GgufParts : IDisposable
{
    private readonly List<GgufFile> _files;

    private GgufParts(List<GgufFile> files) => _files = files;

    /// <summary>Holds the metadata.</summary>
    internal GgufFile First => _files[0];

    /// <summary>All of them, in order.</summary>
    internal IReadOnlyList<GgufFile> Files => _files;

    /// <summary>Opens a file and, where it is the first of several, the others beside it.</summary>
    internal static GgufParts Open(string path)
    {
        var parts = new GgufParts([GgufFile.Open(path)]);
        try
        {
            parts.OpenOthers(path);
            return parts;
        }
        catch
        {
            parts.Dispose();
            throw;
        }
    }

    public void Dispose() => _files.ForEach(f => f.Dispose());

    private void OpenOthers(string path)
    {
        GgufMetadata metadata = First.Metadata;
        if (!metadata.TryGetUInt("split.count", out uint count) || count <= 1) return;
        Match name = PartName().Match(path);
        if (!name.Success || uint.Parse(name.Groups["count"].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture) != count)
        {
            throw LoadError.Of(path, "split.count", $"is one of {count} parts, but its name does not end with -00001-of-{count:D5}.gguf",
                "give the parts their names back");
        }
        string NameOf(uint part) => string.Create(CultureInfo.InvariantCulture, $"{name.Groups["stem"].Value}-{part:D5}-of-{count:D5}.gguf");
        if (metadata.TryGetUInt("split.no", out uint number) && number != 0)
        {
            throw LoadError.Of(path, "split.no", $"is part {number + 1L} of {count}", $"name the first part, {Path.GetFileName(NameOf(1))}");
        }
        for (uint part = 2; part <= count; part++) _files.Add(OpenPart(NameOf(part), part, count));
        CheckTensorCount(metadata);
    }

    private static GgufFile OpenPart(string path, uint part, uint count)
    {
        GgufFile file = GgufFile.Open(path);
        if (file.Metadata.TryGetUInt("split.no", out uint number) && number == part - 1
            && file.Metadata.TryGetUInt("split.count", out uint same) && same == count) return file;
        file.Dispose();
        throw LoadError.Damaged(path, "split.no", $"the file is not part {part} of {count}");
    }

    private void CheckTensorCount(GgufMetadata metadata)
    {
        if (!metadata.TryGetUInt("split.tensors.count", out uint announced)) return;
        long found = _files.Sum(f => (long)f.Tensors.Count);
        if (found == announced) return;
        throw LoadError.Of(First.Path, "split.tensors.count", $"{announced} tensors are announced, the parts hold {found}", "fetch all parts again");
    }

    [GeneratedRegex(@"^(?<stem>.*)-[0-9]{5}-of-(?<count>[0-9]{5})\.gguf$", RegexOptions.CultureInvariant | RegexOptions.Singleline)]
    private static partial Regex PartName();
}
