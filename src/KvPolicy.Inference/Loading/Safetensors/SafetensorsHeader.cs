using System.Buffers.Binary;
using System.Text.Json;
using KvPolicy.Inference.Models;

namespace KvPolicy.Inference.Loading.Safetensors;

/// <summary>A tensor's entry: its range is inside the file and as long as type and shape say.</summary>
/// <param name="Name">As written.</param>
/// <param name="Type">Of its elements.</param>
/// <param name="Shape">Outermost dimension first; a zero is allowed.</param>
/// <param name="Offset">Byte in the file.</param>
/// <param name="Bytes">Elements x size of the type.</param>
internal sealed record SafetensorsEntry(string Name, SafetensorsType Type, IReadOnlyList<long> Shape, long Offset, long Bytes)
{
    /// <summary>Product of the shape; 1 for a scalar.</summary>
    internal long Elements => Bytes / SafetensorsTypes.Size(Type);

    internal string ShapeText => "[" + string.Join(", ", Shape) + "]";
}

/// <summary>
/// Reads the JSON header: eight bytes of length, then one object of tensors. Data begins right after it, at whichever byte that is.
/// </summary>
internal static class SafetensorsHeader
{
    /// <summary>The format's own limit.</summary>
    private const long LargestHeader = 100_000_000;

    private const int MaxDimensions = 8;

    /// <summary>Name of the entry that is no tensor.</summary>
    internal const string Metadata = "__metadata__";

    /// <summary>Checks and reads a header.</summary>
    /// <param name="file">The file.</param>
    /// <param name="metadata">Receives the texts of the metadata; what else stands there is passed over.</param>
    internal static List<SafetensorsEntry> Read(MappedBytes file, Dictionary<string, string> metadata)
    {
        if (file.Length < 8) throw LoadError.Damaged(file.Name, "header length", $"the file has only {file.Length} bytes");
        ulong length = BinaryPrimitives.ReadUInt64LittleEndian(file.Span(0, 8));
        if (length > LargestHeader || length > (ulong)(file.Length - 8))
        {
            throw LoadError.Damaged(file.Name, "header length", $"{length} bytes are announced in a file of {file.Length}");
        }
        ReadOnlyMemory<byte> header = file.Span(8, (int)length).ToArray();
        return JsonText.Read(file.Name, "header", header, root => ReadEntries(file, root, 8 + (long)length, metadata));
    }

    private static List<SafetensorsEntry> ReadEntries(MappedBytes file, JsonElement root, long dataStart, Dictionary<string, string> metadata)
    {
        if (root.ValueKind != JsonValueKind.Object) throw LoadError.Damaged(file.Name, "header", "is no JSON object");
        var ranges = new TensorRanges(file.Name, file.Length);
        var entries = new List<SafetensorsEntry>();
        foreach (JsonProperty property in root.EnumerateObject())
        {
            if (property.NameEquals(Metadata)) ReadMetadata(file.Name, property.Value, metadata);
            else entries.Add(ReadEntry(file.Name, property, dataStart, ranges));
        }
        ranges.RefuseOverlaps();
        return entries;
    }

    private static void ReadMetadata(string file, JsonElement value, Dictionary<string, string> metadata)
    {
        if (value.ValueKind == JsonValueKind.Null) return;
        if (value.ValueKind != JsonValueKind.Object) throw LoadError.Damaged(file, Metadata, $"is a JSON {value.ValueKind}, not an object");
        foreach (JsonProperty property in value.EnumerateObject())
        {
            try
            {
                if (property.Value.ValueKind == JsonValueKind.String) metadata[property.Name] = property.Value.GetString()!;
            }
            catch (InvalidOperationException)
            {
                // No Unicode text. Most files carry words that nobody here reads; whoever looks for this one misses it.
            }
        }
    }

    private static SafetensorsEntry ReadEntry(string file, JsonProperty property, long dataStart, TensorRanges ranges)
    {
        string name = property.Name;
        JsonElement value = property.Value;
        if (value.ValueKind != JsonValueKind.Object) throw LoadError.Damaged(file, name, $"is a JSON {value.ValueKind}, not an object");
        SafetensorsType type = ReadType(file, name, value);
        long[] shape = ReadNumbers(file, name, value, "shape", MaxDimensions);
        long[] offsets = ReadNumbers(file, name, value, "data_offsets", 2);
        if (offsets.Length != 2 || offsets[1] < offsets[0]) throw LoadError.Damaged(file, name, "data_offsets are not a begin and an end");
        UInt128 bytes = (UInt128)SafetensorsTypes.Size(type);
        foreach (long dimension in shape)
        {
            bytes *= (ulong)dimension;
            if (bytes > long.MaxValue) throw LoadError.Damaged(file, name, $"the shape [{string.Join(", ", shape)}] is too large");
        }
        if (bytes != (UInt128)(ulong)(offsets[1] - offsets[0]))
        {
            string needs = $"{type} [{string.Join(", ", shape)}] needs {bytes} bytes";
            throw LoadError.Damaged(file, name, $"{needs}, data_offsets give {offsets[1] - offsets[0]}");
        }
        ranges.Add(name, (ulong)offsets[0] + (ulong)dataStart, (ulong)bytes);
        return new SafetensorsEntry(name, type, shape, offsets[0] + dataStart, (long)bytes);
    }

    private static SafetensorsType ReadType(string file, string name, JsonElement value)
    {
        if (!value.TryGetProperty("dtype", out JsonElement dtype) || dtype.ValueKind != JsonValueKind.String)
        {
            throw LoadError.Damaged(file, name, "has no dtype");
        }
        string text = dtype.GetString() ?? "";
        return SafetensorsTypes.TryParse(text, out SafetensorsType type)
            ? type
            : throw LoadError.Of(file, name, $"dtype \"{LoadError.Printable(text, 20)}\" is unknown",
                $"use one of {string.Join(", ", Enum.GetNames<SafetensorsType>())}");
    }

    private static long[] ReadNumbers(string file, string name, JsonElement value, string field, int most)
    {
        if (!value.TryGetProperty(field, out JsonElement array) || array.ValueKind != JsonValueKind.Array)
        {
            throw LoadError.Damaged(file, name, $"has no {field}");
        }
        if (array.GetArrayLength() > most) throw LoadError.Damaged(file, name, $"{field} has more than {most} numbers");
        var numbers = new long[array.GetArrayLength()];
        for (int i = 0; i < numbers.Length; i++)
        {
            if (array[i].ValueKind != JsonValueKind.Number || !array[i].TryGetInt64(out numbers[i]) || numbers[i] < 0)
            {
                throw LoadError.Damaged(file, name, $"{field} holds {LoadError.Printable(array[i].GetRawText(), 40)}, not a count");
            }
        }
        return numbers;
    }
}
