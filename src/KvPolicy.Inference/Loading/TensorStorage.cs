using KvPolicy.Inference.Models;

namespace KvPolicy.Inference.Loading;

/// <summary>Block lengths and sizes of the storage types, and ggml's numbers for them.</summary>
internal static class TensorStorage
{
    /// <summary>Numbers in a block; a row is a whole number of blocks.</summary>
    internal static int BlockLength(TensorType type) => type switch
    {
        TensorType.F32 or TensorType.F16 or TensorType.BF16 => 1,
        TensorType.Q4_K or TensorType.Q6_K => 256,
        _ => 32,
    };

    /// <summary>Bytes of a block.</summary>
    internal static int BlockBytes(TensorType type) => type switch
    {
        TensorType.F32 => 4,
        TensorType.F16 or TensorType.BF16 => 2,
        TensorType.Q8_0 => 2 + 32,
        TensorType.Q4_0 => 2 + 16,
        TensorType.Q4_1 => 2 + 2 + 16,
        TensorType.Q5_0 => 2 + 4 + 16,
        TensorType.Q5_1 => 2 + 2 + 4 + 16,
        TensorType.Q4_K => 2 + 2 + 12 + 128,
        TensorType.Q6_K => 128 + 64 + 16 + 2,
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, null),
    };

    /// <summary>Bytes of a row, or -1 where the columns are no whole number of blocks.</summary>
    internal static long RowBytes(TensorType type, int columns)
        => columns % BlockLength(type) == 0 ? (long)columns / BlockLength(type) * BlockBytes(type) : -1;

    /// <summary>The type that ggml numbers so, where the engine knows it.</summary>
    internal static bool TryFromGgml(uint id, out TensorType type)
    {
        TensorType? known = id switch
        {
            0 => TensorType.F32,
            1 => TensorType.F16,
            2 => TensorType.Q4_0,
            3 => TensorType.Q4_1,
            6 => TensorType.Q5_0,
            7 => TensorType.Q5_1,
            8 => TensorType.Q8_0,
            12 => TensorType.Q4_K,
            14 => TensorType.Q6_K,
            30 => TensorType.BF16,
            _ => null,
        };
        type = known ?? default;
        return known is not null;
    }

    /// <summary>ggml's name of a number, for messages about types that the engine does not know.</summary>
    internal static string GgmlName(uint id) => id switch
    {
        4 or 5 => "Q4_2 or Q4_3 (withdrawn)",
        9 => "Q8_1",
        10 => "Q2_K",
        11 => "Q3_K",
        13 => "Q5_K",
        15 => "Q8_K",
        >= 16 and <= 23 or 29 => "one of the IQ types",
        24 => "I8",
        25 => "I16",
        26 => "I32",
        27 => "I64",
        28 => "F64",
        34 or 35 => "one of the TQ types",
        39 => "MXFP4",
        _ => "unknown",
    };
}
