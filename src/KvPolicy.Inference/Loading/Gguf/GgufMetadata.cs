using System.Buffers.Binary;
using System.Globalization;
using KvPolicy.Inference.Models;

namespace KvPolicy.Inference.Loading.Gguf;

/// <summary>Typed access to the key-value part of a GGUF file. A key of another type than asked for is an error, an absent one is not.</summary>
internal sealed class GgufMetadata(MappedBytes bytes, IReadOnlyDictionary<string, GgufValue> values)
{
    internal IEnumerable<string> Keys => values.Keys;

    internal bool Contains(string key) => values.ContainsKey(key);

    internal bool TryGetString(string key, out string value)
    {
        value = "";
        if (!TryScalar(key, "a string", t => t == GgufValueType.String, out GgufValue v)) return false;
        value = new GgufCursor(bytes, v.Offset).String(key);
        return true;
    }

    /// <summary>A whole number of any width, from 0 to 2^32 - 1.</summary>
    internal bool TryGetUInt(string key, out uint value)
    {
        value = 0;
        if (!TryScalar(key, "a whole number", IsInteger, out GgufValue v)) return false;
        Int128 wide = Integer(v, 0);
        if (wide < 0 || wide > uint.MaxValue)
        {
            throw LoadError.Damaged(bytes.Name, key, string.Create(CultureInfo.InvariantCulture, $"{wide} is outside 0 to {uint.MaxValue}"));
        }
        value = (uint)wide;
        return true;
    }

    internal bool TryGetBool(string key, out bool value)
    {
        value = false;
        if (!TryScalar(key, "a boolean", t => t == GgufValueType.Bool, out GgufValue v)) return false;
        value = Entry(v, 0)[0] != 0;
        return true;
    }

    /// <summary>A number of any type; not necessarily finite.</summary>
    internal bool TryGetFloat(string key, out float value)
    {
        value = 0;
        if (!TryScalar(key, "a number", t => IsInteger(t) || IsReal(t), out GgufValue v)) return false;
        value = Real(v, 0);
        return true;
    }

    internal string[]? GetStringArray(string key)
    {
        if (!TryArray(key, "an array of strings", t => t == GgufValueType.String, out GgufValue v)) return null;
        var cursor = new GgufCursor(bytes, v.Offset);
        // The count was checked against the file at 8 bytes an entry, so this stays below the file's size.
        var strings = new string[v.Count];
        for (int i = 0; i < strings.Length; i++) strings[i] = cursor.String(key);
        return strings;
    }

    internal int[]? GetIntArray(string key)
    {
        if (!TryArray(key, "an array of whole numbers", IsInteger, out GgufValue v)) return null;
        var numbers = new int[v.Count];
        for (int i = 0; i < numbers.Length; i++)
        {
            Int128 wide = Integer(v, i);
            if (wide < int.MinValue || wide > int.MaxValue)
            {
                throw LoadError.Damaged(bytes.Name, key, string.Create(CultureInfo.InvariantCulture, $"entry {i} is {wide}, outside 32 bits"));
            }
            numbers[i] = (int)wide;
        }
        return numbers;
    }

    internal float[]? GetFloatArray(string key)
    {
        if (!TryArray(key, "an array of numbers", t => IsInteger(t) || IsReal(t), out GgufValue v)) return null;
        var numbers = new float[v.Count];
        for (int i = 0; i < numbers.Length; i++) numbers[i] = Real(v, i);
        return numbers;
    }

    /// <summary>True where the key holds an array (some files give per-layer numbers where others give one).</summary>
    internal bool IsArray(string key) => values.TryGetValue(key, out GgufValue v) && v.IsArray;

    private bool TryScalar(string key, string wanted, Func<GgufValueType, bool> accepts, out GgufValue value)
        => values.TryGetValue(key, out value) && (!value.IsArray && accepts(value.Type) ? true : throw WrongType(key, value, wanted));

    private bool TryArray(string key, string wanted, Func<GgufValueType, bool> accepts, out GgufValue value)
        => values.TryGetValue(key, out value) && (value.IsArray && accepts(value.Type) ? true : throw WrongType(key, value, wanted));

    private ModelFormatException WrongType(string key, GgufValue value, string wanted)
        => LoadError.Of(bytes.Name, key, $"is {value}, not {wanted}", "convert the model again");

    private static bool IsInteger(GgufValueType type)
        => !IsReal(type) && type is not (GgufValueType.Bool or GgufValueType.String or GgufValueType.Array);

    private static bool IsReal(GgufValueType type) => type is GgufValueType.Float32 or GgufValueType.Float64;

    private ReadOnlySpan<byte> Entry(GgufValue value, long index)
    {
        int size = GgufValue.SizeOf(value.Type);
        return bytes.Span(value.Offset + index * size, size);
    }

    private Int128 Integer(GgufValue value, long index)
    {
        ReadOnlySpan<byte> at = Entry(value, index);
        return value.Type switch
        {
            GgufValueType.UInt8 => at[0],
            GgufValueType.Int8 => (sbyte)at[0],
            GgufValueType.UInt16 => BinaryPrimitives.ReadUInt16LittleEndian(at),
            GgufValueType.Int16 => BinaryPrimitives.ReadInt16LittleEndian(at),
            GgufValueType.UInt32 => BinaryPrimitives.ReadUInt32LittleEndian(at),
            GgufValueType.Int32 => BinaryPrimitives.ReadInt32LittleEndian(at),
            GgufValueType.UInt64 => BinaryPrimitives.ReadUInt64LittleEndian(at),
            _ => BinaryPrimitives.ReadInt64LittleEndian(at),
        };
    }

    private float Real(GgufValue value, long index) => value.Type switch
    {
        GgufValueType.Float32 => BinaryPrimitives.ReadSingleLittleEndian(Entry(value, index)),
        GgufValueType.Float64 => (float)BinaryPrimitives.ReadDoubleLittleEndian(Entry(value, index)),
        _ => (float)Integer(value, index),
    };
}
