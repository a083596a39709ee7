using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace KvPolicy.Training.Files;

/// <summary>A tensor's name, shape and values, row-major.</summary>
internal sealed record NamedTensor(string Name, long[] Shape, float[] Values);

/// <summary>A safetensors file: f32 for checkpoints, f16 (rounded to nearest even) for the model.</summary>
internal sealed class SafetensorsFile
{
    private const string MetadataKey = "__metadata__";
    private readonly string _path;
    private readonly byte[] _data;
    private readonly JsonObject _header;

    private SafetensorsFile(string path, JsonObject header, byte[] data)
    {
        (_path, _header, _data) = (path, header, data);
    }

    /// <summary>Texts by key.</summary>
    internal IReadOnlyDictionary<string, string> Metadata =>
        ((JsonObject?)_header[MetadataKey] ?? []).ToDictionary(p => p.Key, p => p.Value!.GetValue<string>());

    /// <summary>Writes beside the place and renames, so that a file under the final name is always whole.</summary>
    internal static void Write(string path, IEnumerable<NamedTensor> tensors, IReadOnlyDictionary<string, string> metadata, bool half)
    {
        JsonObject header = new() { [MetadataKey] = new JsonObject(metadata.Select(p => KeyValuePair.Create(p.Key, (JsonNode?)p.Value))) };
        using MemoryStream data = new();
        foreach (NamedTensor tensor in tensors)
        {
            long start = data.Length;
            Half[] halves = half ? Array.ConvertAll(tensor.Values, value => (Half)value) : [];
            data.Write(half ? MemoryMarshal.AsBytes<Half>(halves) : MemoryMarshal.AsBytes<float>(tensor.Values));
            header[tensor.Name] = new JsonObject
            {
                ["dtype"] = half ? "F16" : "F32",
                ["shape"] = new JsonArray([.. tensor.Shape.Select(size => (JsonNode)size)]),
                ["data_offsets"] = new JsonArray(start, data.Length),
            };
        }

        byte[] text = Encoding.UTF8.GetBytes(header.ToJsonString());
        Array.Resize(ref text, (text.Length + 7) / 8 * 8); // data starts at a multiple of 8
        text.AsSpan().Replace((byte)0, (byte)' ');
        byte[] length = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, text.Length);
        WholeFile.Write(path, [.. length, .. text, .. data.ToArray()]);
    }

    /// <summary>Reads a whole file.</summary>
    /// <exception cref="InvalidDataException">It is no safetensors file.</exception>
    internal static SafetensorsFile Read(string path)
    {
        byte[] bytes = File.ReadAllBytes(path);
        long length = bytes.Length < 8 ? -1 : BinaryPrimitives.ReadInt64LittleEndian(bytes);
        if (length < 2 || length > bytes.Length - 8) throw new InvalidDataException($"{path} is no safetensors file: delete it or name another.");
        try
        {
            return new SafetensorsFile(path, JsonNode.Parse(bytes.AsSpan(8, (int)length))!.AsObject(), bytes[(8 + (int)length)..]);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new InvalidDataException($"{path} is no safetensors file: its header cannot be read. Delete it or name another.", e);
        }
    }

    /// <summary>The values of a tensor, f32 or f16, as f32.</summary>
    /// <exception cref="InvalidDataException">The file has no such tensor.</exception>
    internal float[] Values(string name)
    {
        JsonNode entry = _header[name] ?? throw new InvalidDataException($"{_path} has no tensor {name}.");
        int start = entry["data_offsets"]![0]!.GetValue<int>();
        int end = entry["data_offsets"]![1]!.GetValue<int>();
        Span<byte> bytes = _data.AsSpan(start..end);
        return entry["dtype"]!.GetValue<string>() switch
        {
            "F32" => MemoryMarshal.Cast<byte, float>(bytes).ToArray(),
            "F16" => Array.ConvertAll(MemoryMarshal.Cast<byte, Half>(bytes).ToArray(), v => (float)v),
            string other => throw new InvalidDataException($"{_path}: {name} is {other}; F32 and F16 are read."),
        };
    }

    /// <summary>The raw bytes of every tensor, by name.</summary>
    internal Dictionary<string, byte[]> AllBytes() => _header.Where(p => p.Key != MetadataKey).ToDictionary(
        p => p.Key, p => _data[p.Value!["data_offsets"]![0]!.GetValue<int>()..p.Value!["data_offsets"]![1]!.GetValue<int>()]);
}
