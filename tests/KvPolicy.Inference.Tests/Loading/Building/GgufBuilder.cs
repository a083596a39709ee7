using System.Text;

namespace KvPolicy.Inference.Tests.Loading.Building;

/// <summary>Writes GGUF files from the format's description, also such as no honest writer would write.</summary>
internal sealed class GgufBuilder
{
    private readonly List<(string Key, byte[] Value)> _pairs = [];
    private readonly List<(string Name, long[] Dimensions, uint Type, byte[] Data)> _tensors = [];

    internal uint Version { get; set; } = 3;

    /// <summary>Where the tensors' data are laid out; written as general.alignment when it is not 32.</summary>
    internal uint Alignment { get; set; } = 32;

    internal ulong? LyingTensorCount { get; set; }

    internal ulong? LyingPairCount { get; set; }

    /// <summary>Changes a tensor's entry after the offsets were laid out.</summary>
    internal Func<string, ulong, ulong> Offset { get; set; } = (_, offset) => offset;

    internal GgufBuilder Set(string key, object value)
    {
        _pairs.RemoveAll(p => p.Key == key);
        _pairs.Add((key, Bytes(w => WriteValue(w, value))));
        return this;
    }

    internal GgufBuilder SetRaw(string key, byte[] typeAndValue)
    {
        _pairs.RemoveAll(p => p.Key == key);
        _pairs.Add((key, typeAndValue));
        return this;
    }

    internal GgufBuilder Remove(string key)
    {
        _pairs.RemoveAll(p => p.Key == key);
        return this;
    }

    /// <summary>Adds or replaces a tensor; dimensions with the row length first.</summary>
    internal GgufBuilder Tensor(string name, uint type, byte[] data, params long[] dimensions)
    {
        int at = _tensors.FindIndex(t => t.Name == name);
        if (at < 0) _tensors.Add((name, dimensions, type, data));
        else _tensors[at] = (name, dimensions, type, data);
        return this;
    }

    internal GgufBuilder RemoveTensor(string name)
    {
        _tensors.RemoveAll(t => t.Name == name);
        return this;
    }

    internal byte[] Build()
    {
        if (Alignment != 32) Set("general.alignment", Alignment);
        return Bytes(w =>
        {
            w.Write("GGUF"u8);
            w.Write(Version);
            w.Write(LyingTensorCount ?? (ulong)_tensors.Count);
            w.Write(LyingPairCount ?? (ulong)_pairs.Count);
            foreach ((string key, byte[] value) in _pairs)
            {
                WriteString(w, key);
                w.Write(value);
            }
            ulong offset = 0;
            foreach ((string name, long[] dimensions, uint type, byte[] data) in _tensors)
            {
                WriteString(w, name);
                w.Write((uint)dimensions.Length);
                foreach (long dimension in dimensions) w.Write(dimension);
                w.Write(type);
                w.Write(Offset(name, offset));
                offset = Align(offset + (ulong)data.Length);
            }
            foreach ((_, _, _, byte[] data) in _tensors)
            {
                w.Write(new byte[(int)(Align((ulong)w.BaseStream.Position) - (ulong)w.BaseStream.Position)]);
                w.Write(data);
            }
        });
    }

    private ulong Align(ulong position) => Alignment == 0 ? position : (position + Alignment - 1) / Alignment * Alignment;

    private static byte[] Bytes(Action<BinaryWriter> write)
    {
        using var stream = new MemoryStream();
        using (var writer = new BinaryWriter(stream)) write(writer);
        return stream.ToArray();
    }

    internal static void WriteString(BinaryWriter w, string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        w.Write((ulong)bytes.Length);
        w.Write(bytes);
    }

    private static void WriteValue(BinaryWriter w, object value)
    {
        switch (value)
        {
            case byte v: w.Write(0u); w.Write(v); break;
            case ushort v: w.Write(2u); w.Write(v); break;
            case uint v: w.Write(4u); w.Write(v); break;
            case int v: w.Write(5u); w.Write(v); break;
            case float v: w.Write(6u); w.Write(v); break;
            case bool v: w.Write(7u); w.Write(v); break;
            case string v: w.Write(8u); WriteString(w, v); break;
            case ulong v: w.Write(10u); w.Write(v); break;
            case long v: w.Write(11u); w.Write(v); break;
            case double v: w.Write(12u); w.Write(v); break;
            case string[] v: w.Write(9u); w.Write(8u); w.Write((ulong)v.Length); foreach (string s in v) WriteString(w, s); break;
            case int[] v: w.Write(9u); w.Write(5u); w.Write((ulong)v.Length); foreach (int n in v) w.Write(n); break;
            case float[] v: w.Write(9u); w.Write(6u); w.Write((ulong)v.Length); foreach (float n in v) w.Write(n); break;
            default: throw new ArgumentException($"no GGUF type for {value.GetType()}", nameof(value));
        }
    }
}
