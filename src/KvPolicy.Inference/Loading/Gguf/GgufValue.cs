namespace KvPolicy.Inference.Loading.Gguf;

/// <summary>Types of metadata values, numbered as in the file.</summary>
internal enum GgufValueType : uint
{
    UInt8 = 0,
    Int8 = 1,
    UInt16 = 2,
    Int16 = 3,
    UInt32 = 4,
    Int32 = 5,
    Float32 = 6,
    Bool = 7,
    String = 8,
    Array = 9,
    UInt64 = 10,
    Int64 = 11,
    Float64 = 12,
}

/// <summary>Where a metadata value lies; it is read when asked for, so that unused arrays cost nothing.</summary>
/// <param name="Type">Of the value, or of an array's entries.</param>
/// <param name="IsArray">More than one.</param>
/// <param name="Count">Entries; 1 where it is no array.</param>
/// <param name="Offset">Byte in the file of the first entry.</param>
internal readonly record struct GgufValue(GgufValueType Type, bool IsArray, long Count, long Offset)
{
    /// <summary>Bytes of an entry; 0 for strings, whose length varies.</summary>
    internal static int SizeOf(GgufValueType type) => type switch
    {
        GgufValueType.UInt8 or GgufValueType.Int8 or GgufValueType.Bool => 1,
        GgufValueType.UInt16 or GgufValueType.Int16 => 2,
        GgufValueType.UInt32 or GgufValueType.Int32 or GgufValueType.Float32 => 4,
        GgufValueType.UInt64 or GgufValueType.Int64 or GgufValueType.Float64 => 8,
        _ => 0,
    };

    public override string ToString() => IsArray ? $"an array of {Type}" : $"of type {Type}";
}
