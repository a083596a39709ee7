using System.Text;

namespace KvPolicy.Inference.Tests.Loading.Building;

/// <summary>Writes safetensors files from the format's description; the header may be any text.</summary>
internal static class SafetensorsBytes
{
    internal static byte[] Of(string header, byte[] data) => [.. BitConverter.GetBytes((ulong)Encoding.UTF8.GetByteCount(header)), .. Encoding.UTF8.GetBytes(header), .. data];

    /// <summary>An honest file; <paramref name="shift"/> spaces in the header move the data to another alignment.</summary>
    internal static byte[] Of(IEnumerable<(string Name, string Type, long[] Shape, byte[] Data)> tensors, string? metadata = null, int shift = 0)
    {
        var entries = new List<string>();
        var data = new MemoryStream();
        if (metadata is not null) entries.Add($"\"__metadata__\":{metadata}");
        foreach ((string name, string type, long[] shape, byte[] bytes) in tensors)
        {
            long from = data.Length;
            data.Write(bytes);
            entries.Add($"\"{name}\":{{\"dtype\":\"{type}\",\"shape\":[{string.Join(",", shape)}],\"data_offsets\":[{from},{data.Length}]}}");
        }
        return Of("{" + string.Join(",", entries) + "}" + new string(' ', shift), data.ToArray());
    }
}
