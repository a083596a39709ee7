using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace KvPolicy.Policies.Tests;

/// <summary>A case of the reference data: manifest and tensors, read by a few lines of its own.</summary>
internal sealed class Golden
{
    private readonly byte[] _data;
    private readonly int _start;
    private readonly JsonElement _header;

    /// <summary>Reads <c>shared/goldens/NAME.json</c> and its tensors; skips the test where they are absent.</summary>
    public Golden(string name)
    {
        Manifest = JsonDocument.Parse(File.ReadAllBytes(SharedData.Need("goldens", name + ".json"))).RootElement;
        _data = File.ReadAllBytes(SharedData.Need("goldens", name + ".safetensors"));
        int header = (int)BinaryPrimitives.ReadUInt64LittleEndian(_data);
        _header = JsonDocument.Parse(_data.AsMemory(8, header)).RootElement;
        _start = 8 + header;
        Layers = Manifest.TryGetProperty("layers", out JsonElement layers) ? layers.GetInt32() : 1;
        Length = Manifest.GetProperty("length").GetInt32();
        KvHeads = Manifest.GetProperty("kv_heads").GetInt32();
    }

    public JsonElement Manifest { get; }

    public int Layers { get; }

    public int Length { get; }

    public int KvHeads { get; }

    public TensorInput Input => new()
    {
        Layers = Layers,
        QueryHeads = Manifest.GetProperty("query_heads").GetInt32(),
        KvHeads = KvHeads,
        Length = Length,
        HeadDim = Manifest.GetProperty("head_dim").GetInt32(),
        Queries = Read<float>("queries"),
        Keys = Read<float>("keys"),
        Values = Read<float>("values"),
        Shots = Has("shots") ? Read<int>("shots") : null,
    };

    /// <summary>A manifest entry by name, or null.</summary>
    public JsonElement? Entry(string name)
    {
        foreach (JsonElement entry in Manifest.GetProperty("entries").EnumerateArray())
        {
            if (entry.GetProperty("name").GetString() == name) return entry;
        }

        return null;
    }

    /// <summary>Manifest entries whose names begin so.</summary>
    public IEnumerable<JsonElement> Entries(string beginning)
        => Manifest.GetProperty("entries").EnumerateArray().Where(e => e.GetProperty("name").GetString()!.StartsWith(beginning, StringComparison.Ordinal));

    public bool Has(string tensor) => _header.TryGetProperty(tensor, out _);

    public int[] Shape(string tensor) => [.. _header.GetProperty(tensor).GetProperty("shape").EnumerateArray().Select(n => n.GetInt32())];

    public T[] Read<T>(string tensor) where T : unmanaged
    {
        JsonElement offsets = _header.GetProperty(tensor).GetProperty("data_offsets");
        return MemoryMarshal.Cast<byte, T>(_data.AsSpan(_start + offsets[0].GetInt32(), offsets[1].GetInt32() - offsets[0].GetInt32())).ToArray();
    }

    /// <summary>Rows of a tensor along its last axis, which may be empty (nothing was kept).</summary>
    public T[][] Rows<T>(string tensor) where T : unmanaged
    {
        int[] shape = Shape(tensor);
        T[] flat = Read<T>(tensor);
        return [.. Enumerable.Range(0, shape[..^1].Aggregate(1, (a, b) => a * b)).Select(row => flat.AsSpan(row * shape[^1], shape[^1]).ToArray())];
    }

    /// <summary>The kept set of each head, as positions: the variant that breaks ties toward the lower position where it exists. A shared set has one row.</summary>
    public int[][] Kept(string entry, string ratio)
    {
        foreach (string low in new[] { "_low", "" })
        {
            if (Has($"{entry}.keptmask{low}@{ratio}"))
                return [.. Rows<byte>($"{entry}.keptmask{low}@{ratio}").Select(row => Enumerable.Range(0, row.Length).Where(p => row[p] != 0).ToArray())];
            if (Has($"{entry}.kept{low}@{ratio}")) return Rows<int>($"{entry}.kept{low}@{ratio}");
        }

        return [];
    }
}
