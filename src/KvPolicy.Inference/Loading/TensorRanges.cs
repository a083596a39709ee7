namespace KvPolicy.Inference.Loading;

/// <summary>Ranges of a file that tensors claim: each lies inside it, and no two share a byte.</summary>
internal sealed class TensorRanges(string file, long fileLength)
{
    private readonly List<(long Start, long End, string Name)> _ranges = [];

    /// <summary>Checks a range against the file's length and keeps it for <see cref="RefuseOverlaps"/>.</summary>
    internal void Add(string name, ulong start, ulong bytes)
    {
        if (start > (ulong)fileLength || bytes > (ulong)fileLength - start)
        {
            throw LoadError.Damaged(file, name, $"{bytes} bytes from byte {start} on do not lie in a file of {fileLength} bytes");
        }
        if (bytes > 0) _ranges.Add(((long)start, (long)(start + bytes), name));
    }

    internal void RefuseOverlaps()
    {
        _ranges.Sort((a, b) => a.Start.CompareTo(b.Start));
        for (int i = 1; i < _ranges.Count; i++)
        {
            if (_ranges[i].Start >= _ranges[i - 1].End) continue;
            throw LoadError.Damaged(file, _ranges[i].Name, $"shares bytes with {LoadError.Printable(_ranges[i - 1].Name)}");
        }
    }
}
