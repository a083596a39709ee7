using System.Runtime.InteropServices;
using KvPolicy.Inference.Models;

namespace KvPolicy.Inference.Loading.Safetensors;

/// <summary>A mapped safetensors file: entries by name, data where it lies.</summary>
internal sealed class SafetensorsFile : IDisposable
{
    private readonly Dictionary<string, SafetensorsEntry> _entries;

    private SafetensorsFile(MappedBytes bytes)
    {
        var metadata = new Dictionary<string, string>(StringComparer.Ordinal);
        Bytes = bytes;
        _entries = SafetensorsHeader.Read(bytes, metadata).ToDictionary(e => e.Name, StringComparer.Ordinal);
        Metadata = metadata;
    }

    /// <summary>The mapping.</summary>
    internal MappedBytes Bytes { get; }

    /// <summary>The file, for messages.</summary>
    internal string Path => Bytes.Name;

    /// <summary>Texts of the metadata.</summary>
    internal IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>All tensors.</summary>
    internal IReadOnlyCollection<SafetensorsEntry> Entries => _entries.Values;

    /// <summary>Maps and checks a file.</summary>
    /// <exception cref="ModelFormatException">It is no safetensors file, or its header contradicts its length.</exception>
    internal static SafetensorsFile Open(string path) => Open(MappedBytes.Open(path));

    /// <summary>Takes over a mapping; disposes it also where it throws.</summary>
    internal static SafetensorsFile Open(MappedBytes bytes)
    {
        try
        {
            return new SafetensorsFile(bytes);
        }
        catch
        {
            bytes.Dispose();
            throw;
        }
    }

    internal bool TryGet(string name, out SafetensorsEntry entry) => _entries.TryGetValue(name, out entry!);

    /// <summary>The entry of a name.</summary>
    /// <exception cref="ModelFormatException">There is none.</exception>
    internal SafetensorsEntry Get(string name) => _entries.TryGetValue(name, out SafetensorsEntry? entry)
        ? entry
        : throw LoadError.Of(Path, name, "the tensor is missing", "write it under this name");

    /// <summary>A copy of a tensor whose type has the layout of <typeparamref name="T"/>.</summary>
    /// <param name="name">Of the tensor.</param>
    /// <param name="type">The only type that is accepted.</param>
    internal T[] Read<T>(string name, SafetensorsType type) where T : unmanaged
    {
        SafetensorsEntry entry = Get(name);
        if (entry.Type != type) throw LoadError.Of(Path, name, $"is {entry.Type}, not {type}", $"write it as {type}");
        if (entry.Bytes > int.MaxValue)
        {
            throw LoadError.Of(Path, name, $"{entry.Bytes} bytes are more than can be read at once", "use a smaller tensor");
        }
        return MemoryMarshal.Cast<byte, T>(Bytes.Span(entry.Offset, (int)entry.Bytes)).ToArray();
    }

    /// <summary>A copy of an F32 tensor, row-major.</summary>
    internal float[] ReadF32(string name) => Read<float>(name, SafetensorsType.F32);

    /// <summary>A copy of an I32 tensor, row-major.</summary>
    internal int[] ReadI32(string name) => Read<int>(name, SafetensorsType.I32);

    /// <summary>A copy of a U8 tensor, row-major.</summary>
    internal byte[] ReadU8(string name) => Read<byte>(name, SafetensorsType.U8);

    public void Dispose() => Bytes.Dispose();
}
