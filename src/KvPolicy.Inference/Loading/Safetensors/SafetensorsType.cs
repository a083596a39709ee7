namespace KvPolicy.Inference.Loading.Safetensors;

/// <summary>Element types by the names that the format writes.</summary>
internal enum SafetensorsType
{
    BOOL,
    U8,
    I8,
    F8_E4M3,
    F8_E5M2,
    U16,
    I16,
    F16,
    BF16,
    U32,
    I32,
    F32,
    U64,
    I64,
    F64,
}

/// <summary>Sizes of element types.</summary>
internal static class SafetensorsTypes
{
    /// <summary>Bytes of an element.</summary>
    internal static int Size(SafetensorsType type) => type switch
    {
        SafetensorsType.BOOL or SafetensorsType.U8 or SafetensorsType.I8 or SafetensorsType.F8_E4M3 or SafetensorsType.F8_E5M2 => 1,
        SafetensorsType.U16 or SafetensorsType.I16 or SafetensorsType.F16 or SafetensorsType.BF16 => 2,
        SafetensorsType.U32 or SafetensorsType.I32 or SafetensorsType.F32 => 4,
        _ => 8,
    };

    /// <summary>The type of exactly this name.</summary>
    internal static bool TryParse(string name, out SafetensorsType type)
    {
        // Enum.TryParse would also take numbers and lists of names.
        foreach (SafetensorsType t in Enum.GetValues<SafetensorsType>())
        {
            type = t;
            if (string.Equals(t.ToString(), name, StringComparison.Ordinal)) return true;
        }
        type = default;
        return false;
    }
}
