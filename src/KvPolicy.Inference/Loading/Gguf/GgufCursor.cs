using System.Buffers.Binary;
using System.Text;
using KvPolicy.Inference.Models;

namespace KvPolicy.Inference.Loading.Gguf;

/// <summary>Reads little-endian GGUF primitives in turn; nothing is read, skipped or allocated before it is known to lie inside the file.</summary>
internal sealed class GgufCursor(MappedBytes bytes, long position = 0)
{
    internal long Position { get; private set; } = position;

    private long Left => bytes.Length - Position;

    internal byte U8(string field) => Take(1, field)[0];

    internal uint U32(string field) => BinaryPrimitives.ReadUInt32LittleEndian(Take(4, field));

    internal ulong U64(string field) => BinaryPrimitives.ReadUInt64LittleEndian(Take(8, field));

    /// <summary>A count of things of which each takes at least <paramref name="bytesEach"/> bytes of what is left.</summary>
    internal long Count(string field, int bytesEach)
    {
        ulong count = U64(field);
        if (count > (ulong)(Left / bytesEach))
        {
            throw Damaged(field, $"{count} entries are announced, but only {Left} bytes follow");
        }
        return (long)count;
    }

    internal string String(string field)
    {
        long length = Count(field, 1);
        if (length > int.MaxValue) throw Damaged(field, $"a string of {length} bytes");
        return Encoding.UTF8.GetString(Take((int)length, field));
    }

    internal void Skip(long count, string field)
    {
        if (count < 0 || count > Left) throw Damaged(field, $"needs {count} bytes at byte {Position}, but only {Left} follow");
        Position += count;
    }

    internal ReadOnlySpan<byte> Take(int count, string field)
    {
        long at = Position;
        Skip(count, field);
        return bytes.Span(at, count);
    }

    private ModelFormatException Damaged(string field, string problem) => LoadError.Damaged(bytes.Name, field, problem);
}
