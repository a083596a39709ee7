using ILGPU;

namespace KvPolicy.Gpu;

/// <summary>Floats as unsigned numbers of the same order, for selection by digits.</summary>
internal static class SortableFloat
{
    /// <summary>
    /// Negative numbers have their bits inverted, the others their sign bit set: unsigned order is numeric order. Both zeros are one
    /// number, and what is not a number comes last, below minus infinity.
    /// </summary>
    public static uint Key(float value)
    {
        if (float.IsNaN(value)) return 0u;
        // -0 equals 0 for the host's comparisons, so it must not sort below it here.
        uint bits = value == 0f ? 0u : Interop.FloatAsInt(value);
        return (bits & 0x80000000u) != 0u ? ~bits : bits | 0x80000000u;
    }
}
