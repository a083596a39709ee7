using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text.Json;

namespace KvPolicy.Inference.Loading.Safetensors;

/// <summary>A tensor that will be written.</summary>
/// <param name="Name">Unlike every other's.</param>
/// <param name="Type">F32, I32 or U8.</param>
/// <param name="Shape">Outermost dimension first.</param>
internal sealed record SafetensorsSpec(string Name, SafetensorsType Type, params long[] Shape)
{
    internal long Bytes => Shape.Aggregate((long)SafetensorsTypes.Size(Type), (product, n) => checked(product * n));
}

/// <summary>
/// Writes a safetensors file whose tensors are known before their data: the header first, then the data of each in turn, in pieces of any size, so
/// that
/// memory stays bounded. It is written beside its place and renamed by <see cref="Complete"/>; without that nothing is left and an older file stays.
/// </summary>
internal sealed class SafetensorsWriter : IDisposable
{
    private readonly string _path;
    private readonly string? _beside;
    private readonly SafetensorsSpec[] _tensors;
    private readonly FileStream _stream;
    private int _current;
    private long _left;
    private bool _done;
    private IncrementalHash? _hash;

    private SafetensorsWriter(string path, string? beside, SafetensorsSpec[] tensors, FileStream stream)
    {
        (_path, _beside, _tensors, _stream) = (path, beside, tensors, stream);
        _current = -1;
        NextTensor();
    }

    /// <summary>Begins a file on a stream that its caller puts in its place; <see cref="Complete"/> and disposal leave the stream open.</summary>
    internal static SafetensorsWriter Over(FileStream stream, params SafetensorsSpec[] tensors) => Over(stream, [], null, tensors);

    /// <summary>As the other, with metadata.</summary>
    /// <param name="stream">The file.</param>
    /// <param name="metadata">Names and texts, which begin the file in this order; empty for none.</param>
    /// <param name="hash">Is fed every byte that is written; null for nobody.</param>
    /// <param name="tensors">In the order of their data.</param>
    internal static SafetensorsWriter Over(FileStream stream, IReadOnlyList<KeyValuePair<string, string>> metadata, IncrementalHash? hash, params SafetensorsSpec[] tensors)
    {
        byte[] header = Header(tensors, metadata);
        stream.Write(header);
        hash?.AppendData(header);
        return new SafetensorsWriter(stream.Name, null, tensors, stream) { _hash = hash };
    }

    /// <summary>Begins a file; tensors are written in the order given here.</summary>
    /// <exception cref="IOException">The place cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">Nor with these permissions.</exception>
    /// <exception cref="ArgumentException">Two tensors share a name, or a type cannot be written.</exception>
    internal static SafetensorsWriter Create(string path, params SafetensorsSpec[] tensors)
    {
        byte[] header = Header(tensors);
        string full = Path.GetFullPath(path);
        if (Directory.Exists(full)) throw new IOException($"{path} is a folder where a file is to be written");
        // Renaming over a device would replace it.
        if (Path.GetDirectoryName(full) == "/dev") throw new IOException($"{path} is a device; name a file");
        string beside = $"{full}.{Guid.NewGuid():N}.partial";
        var stream = new FileStream(beside, FileMode.CreateNew, FileAccess.Write, FileShare.None, 1 << 16);
        var writer = new SafetensorsWriter(full, beside, tensors, stream);
        try
        {
            stream.Write(header);
            return writer;
        }
        catch
        {
            writer.Dispose();
            throw;
        }
    }

    /// <summary>Writes a whole file of tensors at hand.</summary>
    internal static void Write(string path, params (SafetensorsSpec Spec, Array Data)[] tensors)
    {
        using SafetensorsWriter writer = Create(path, [.. tensors.Select(t => t.Spec)]);
        foreach ((SafetensorsSpec _, Array data) in tensors)
        {
            switch (data)
            {
                case float[] f32: writer.Append<float>(f32); break;
                case int[] i32: writer.Append<int>(i32); break;
                case byte[] u8: writer.Append<byte>(u8); break;
                default: throw new ArgumentException($"an array of {data.GetType().GetElementType()} cannot be written", nameof(tensors));
            }
        }
        writer.Complete();
    }

    /// <summary>Appends the next elements of the current tensor; when it is full the next one begins.</summary>
    /// <exception cref="InvalidOperationException">Another element type, or more than the tensor holds.</exception>
    internal void Append<T>(ReadOnlySpan<T> elements) where T : unmanaged
    {
        if (elements.IsEmpty) return;
        if (_current == _tensors.Length) throw new InvalidOperationException("all tensors are full");
        SafetensorsSpec tensor = _tensors[_current];
        if (TypeOf<T>() != tensor.Type) throw new InvalidOperationException($"{tensor.Name} is {tensor.Type}, not {typeof(T).Name}");
        ReadOnlySpan<byte> bytes = MemoryMarshal.AsBytes(elements);
        if (bytes.Length > _left) throw new InvalidOperationException($"{tensor.Name} has room for {_left} bytes, not {bytes.Length}");
        _stream.Write(bytes);
        _hash?.AppendData(bytes);
        _left -= bytes.Length;
        if (_left == 0) NextTensor();
    }

    /// <summary>Puts the file in its place.</summary>
    /// <exception cref="InvalidOperationException">A tensor is not full.</exception>
    internal void Complete()
    {
        if (_current < _tensors.Length) throw new InvalidOperationException($"{_tensors[_current].Name} lacks {_left} bytes");
        _stream.Flush(flushToDisk: true);
        if (_beside is not null)
        {
            _stream.Dispose();
            File.Move(_beside, _path, overwrite: true);
        }
        _done = true;
    }

    public void Dispose()
    {
        if (_done) return;
        _done = true;
        if (_beside is null) return;
        try
        {
            _stream.Dispose();
        }
        finally
        {
            File.Delete(_beside);
        }
    }

    private static SafetensorsType TypeOf<T>() => default(T) switch
    {
        float => SafetensorsType.F32,
        int => SafetensorsType.I32,
        byte => SafetensorsType.U8,
        _ => throw new InvalidOperationException($"{typeof(T).Name} cannot be written"),
    };

    private void NextTensor()
    {
        do
        {
            _current++;
            _left = _current < _tensors.Length ? _tensors[_current].Bytes : 0;
        }
        while (_current < _tensors.Length && _left == 0);
    }

    private static byte[] Header(SafetensorsSpec[] tensors, IReadOnlyList<KeyValuePair<string, string>>? metadata = null)
    {
        if (tensors.DistinctBy(t => t.Name).Count() != tensors.Length) throw new ArgumentException("two tensors share a name", nameof(tensors));
        var json = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(json))
        {
            writer.WriteStartObject();
            WriteMetadata(writer, metadata ?? []);
            long offset = 0;
            foreach (SafetensorsSpec tensor in tensors)
            {
                if (tensor.Type is not (SafetensorsType.F32 or SafetensorsType.I32 or SafetensorsType.U8))
                {
                    throw new ArgumentException($"{tensor.Name}: {tensor.Type} cannot be written", nameof(tensors));
                }
                WriteEntry(writer, tensor, offset);
                offset += tensor.Bytes;
            }
            writer.WriteEndObject();
        }
        // Spaces up to a multiple of eight, as other writers do, so that the data is aligned in memory.
        int length = (json.WrittenCount + 7) / 8 * 8;
        var header = new byte[8 + length];
        header.AsSpan(8).Fill((byte)' ');
        BinaryPrimitives.WriteInt64LittleEndian(header, length);
        json.WrittenSpan.CopyTo(header.AsSpan(8));
        return header;
    }

    private static void WriteMetadata(Utf8JsonWriter writer, IReadOnlyList<KeyValuePair<string, string>> metadata)
    {
        if (metadata.Count == 0) return;
        writer.WriteStartObject(SafetensorsHeader.Metadata);
        foreach ((string name, string text) in metadata) writer.WriteString(name, text);
        writer.WriteEndObject();
    }

    private static void WriteEntry(Utf8JsonWriter writer, SafetensorsSpec tensor, long offset)
    {
        writer.WriteStartObject(tensor.Name);
        writer.WriteString("dtype", tensor.Type.ToString());
        writer.WriteStartArray("shape");
        foreach (long dimension in tensor.Shape) writer.WriteNumberValue(dimension);
        writer.WriteEndArray();
        writer.WriteStartArray("data_offsets");
        writer.WriteNumberValue(offset);
        writer.WriteNumberValue(offset + tensor.Bytes);
        writer.WriteEndArray();
        writer.WriteEndObject();
    }
}
