using KvPolicy.Inference.Models;

namespace KvPolicy.Inference.Loading.Gguf;

/// <summary>
/// A GGUF file of version 2 or 3: metadata and the list of tensors, read lazily from the mapping. A file of vocabulary alone has no tensors.
/// </summary>
internal sealed class GgufFile : IDisposable
{
    private const uint Magic = 0x46554747;
    private const int DefaultAlignment = 32;
    private const int MaxDimensions = 4;

    private GgufFile(MappedBytes bytes, GgufMetadata metadata, IReadOnlyList<GgufTensorInfo> tensors, long dataStart)
        => (Bytes, Metadata, Tensors, DataStart) = (bytes, metadata, tensors, dataStart);

    /// <summary>The file.</summary>
    internal string Path => Bytes.Name;

    /// <summary>Its mapping.</summary>
    internal MappedBytes Bytes { get; }

    /// <summary>Key-value pairs.</summary>
    internal GgufMetadata Metadata { get; }

    /// <summary>Entries of the header, in its order.</summary>
    internal IReadOnlyList<GgufTensorInfo> Tensors { get; }

    /// <summary>Byte where the data section begins; may equal or (without tensors) pass the file's end.</summary>
    internal long DataStart { get; }

    /// <summary>Maps and checks a file.</summary>
    /// <exception cref="ModelFormatException">It is no GGUF file, or its header contradicts its length.</exception>
    internal static GgufFile Open(string path)
    {
        MappedBytes bytes = MappedBytes.Open(path);
        try
        {
            return Read(bytes);
        }
        catch
        {
            bytes.Dispose();
            throw;
        }
    }

    /// <summary>True where the file begins with GGUF's magic number; false also where it cannot be read.</summary>
    internal static bool HasMagic(string path) => FileStart.TryRead(path, out ulong first8) && (uint)first8 == Magic;

    public void Dispose() => Bytes.Dispose();

    private static GgufFile Read(MappedBytes bytes)
    {
        var cursor = new GgufCursor(bytes);
        if (cursor.U32("magic") != Magic)
        {
            throw LoadError.Of(bytes.Name, "magic", "the file does not begin with GGUF", "name a .gguf file, a model folder or a llama2.c .bin");
        }
        CheckVersion(bytes.Name, cursor.U32("version"));
        // Counts are checked with the least that an entry can take: an empty name and the fixed fields.
        long tensorCount = cursor.Count("tensor count", 8 + 4 + 4 + 8);
        long pairCount = cursor.Count("metadata count", 8 + 4 + 1);
        var metadata = new GgufMetadata(bytes, ReadPairs(bytes.Name, cursor, pairCount));
        IReadOnlyList<GgufTensorInfo> tensors = ReadTensors(bytes.Name, cursor, tensorCount);
        uint alignment = DefaultAlignment;
        if (metadata.TryGetUInt("general.alignment", out uint given)) alignment = given;
        if (alignment == 0) throw LoadError.Damaged(bytes.Name, "general.alignment", "is 0");
        long dataStart = (cursor.Position + alignment - 1) / alignment * alignment;
        return new GgufFile(bytes, metadata, tensors, dataStart);
    }

    private static void CheckVersion(string file, uint version)
    {
        if (version is 2 or 3) return;
        if (version is 0x02000000 or 0x03000000)
        {
            throw LoadError.Of(file, "version", "the file is big-endian, which is not supported", "convert it to little-endian");
        }
        throw LoadError.Of(file, "version", $"GGUF version {version} is not supported", "convert the model to version 3");
    }

    private static Dictionary<string, GgufValue> ReadPairs(string file, GgufCursor cursor, long count)
    {
        var pairs = new Dictionary<string, GgufValue>(StringComparer.Ordinal);
        for (long i = 0; i < count; i++)
        {
            string key = cursor.String("metadata key");
            GgufValue value = ReadValue(file, cursor, key);
            if (!pairs.TryAdd(key, value)) throw LoadError.Damaged(file, key, "the metadata key stands twice");
        }
        return pairs;
    }

    private static GgufValue ReadValue(string file, GgufCursor cursor, string key)
    {
        GgufValueType type = ReadType(file, cursor, key);
        if (type != GgufValueType.Array)
        {
            long at = cursor.Position;
            SkipEntries(cursor, type, 1, key);
            return new GgufValue(type, false, 1, at);
        }
        GgufValueType entry = ReadType(file, cursor, key);
        if (entry == GgufValueType.Array)
        {
            throw LoadError.Of(file, key, "is an array of arrays, which is not supported", "convert the model again without it");
        }
        long count = cursor.Count(key, entry == GgufValueType.String ? 8 : GgufValue.SizeOf(entry));
        if (count > Array.MaxLength) throw LoadError.Damaged(file, key, $"an array of {count} entries");
        long start = cursor.Position;
        SkipEntries(cursor, entry, count, key);
        return new GgufValue(entry, true, count, start);
    }

    private static GgufValueType ReadType(string file, GgufCursor cursor, string key)
    {
        uint type = cursor.U32(key);
        if (type > (uint)GgufValueType.Float64) throw LoadError.Damaged(file, key, $"value type {type} is unknown");
        return (GgufValueType)type;
    }

    private static void SkipEntries(GgufCursor cursor, GgufValueType type, long count, string key)
    {
        if (type != GgufValueType.String)
        {
            cursor.Skip(count * GgufValue.SizeOf(type), key);
            return;
        }
        for (long i = 0; i < count; i++) cursor.Skip(cursor.Count(key, 1), key);
    }

    private static List<GgufTensorInfo> ReadTensors(string file, GgufCursor cursor, long count)
    {
        var tensors = new List<GgufTensorInfo>();
        var names = new HashSet<string>(StringComparer.Ordinal);
        for (long i = 0; i < count; i++)
        {
            string name = cursor.String("tensor name");
            if (!names.Add(name)) throw LoadError.Damaged(file, name, "the tensor stands twice");
            uint dimensions = cursor.U32(name);
            if (dimensions is 0 or > MaxDimensions) throw LoadError.Damaged(file, name, $"{dimensions} dimensions, not 1 to {MaxDimensions}");
            var shape = new long[dimensions];
            for (int d = 0; d < shape.Length; d++) shape[d] = Dimension(file, name, cursor.U64(name));
            tensors.Add(new GgufTensorInfo(name, shape, cursor.U32(name), cursor.U64(name)));
        }
        return tensors;
    }

    private static long Dimension(string file, string name, ulong value)
        => value is > 0 and <= int.MaxValue ? (long)value : throw LoadError.Damaged(file, name, $"a dimension of {value}");
}
