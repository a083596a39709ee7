using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace KvPolicy.Inference.Ops.Weights;

/// <summary>Where a block of 32 nibbles has its parts.</summary>
internal unsafe interface INibbleBlock
{
    /// <summary>Bytes of a block.</summary>
    static abstract int Bytes { get; }

    /// <summary>First byte of the 16 bytes of nibbles.</summary>
    static abstract int Start { get; }

    /// <summary>A weight is scale * nibble + offset: those of two blocks, four lanes each.</summary>
    static abstract void Scales(byte* low, byte* high, out Vector256<float> scales, out Vector256<float> offsets);

    /// <summary>Nibbles, scales and offsets of four consecutive blocks, four lanes each. Only where vectors of 512 bits are native.</summary>
    static abstract void Four(byte* first, out Vector512<int> nibbles, out Vector512<float> scales, out Vector512<float> offsets);
}

/// <summary>Q4_0: d * (q - 8).</summary>
internal readonly unsafe struct Q40Nibbles : INibbleBlock
{
    /// <inheritdoc/>
    public static int Bytes => 18;

    /// <inheritdoc/>
    public static int Start => 2;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Scales(byte* low, byte* high, out Vector256<float> scales, out Vector256<float> offsets)
    {
        var d = Vector256.Create(Vector128.Create(Unsafe.ReadUnaligned<short>(low)), Vector128.Create(Unsafe.ReadUnaligned<short>(high)));
        scales = Widen.UpperScales(d.AsInt32());
        offsets = scales * Vector256.Create(-8f);
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Four(byte* first, out Vector512<int> nibbles, out Vector512<float> scales, out Vector512<float> offsets)
    {
        var low = Vector256.Create(Vector128.Load(first + 2), Vector128.Load(first + 20));
        nibbles = Vector512.Create(low, Vector256.Create(Vector128.Load(first + 38), Vector128.Load(first + 56))).AsInt32();
        var d = Vector256.Create(Vector128.Create(Unsafe.ReadUnaligned<short>(first)), Vector128.Create(Unsafe.ReadUnaligned<short>(first + 18)));
        var more = Vector256.Create(Vector128.Create(Unsafe.ReadUnaligned<short>(first + 36)), Vector128.Create(Unsafe.ReadUnaligned<short>(first + 54)));
        scales = Widen.UpperScales(Vector512.Create(d, more).AsInt32());
        offsets = scales * Vector512.Create(-8f);
    }
}

/// <summary>Q4_1: d * q + m.</summary>
internal readonly unsafe struct Q41Nibbles : INibbleBlock
{
    /// <inheritdoc/>
    public static int Bytes => 20;

    /// <inheritdoc/>
    public static int Start => 4;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Scales(byte* low, byte* high, out Vector256<float> scales, out Vector256<float> offsets)
    {
        // d in the lower half of the dword, m in the upper one.
        var both = Vector256.Create(Vector128.Create(Unsafe.ReadUnaligned<int>(low)), Vector128.Create(Unsafe.ReadUnaligned<int>(high)));
        scales = Widen.UpperScales(Vector256.ShiftLeft(both, 16));
        offsets = Widen.UpperScales(both);
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Four(byte* first, out Vector512<int> nibbles, out Vector512<float> scales, out Vector512<float> offsets)
    {
        // 20 dwords: of each five the first is d and m, the others are nibbles.
        Vector512<int> start = Vector512.Load((int*)first), end = Vector128.Load((int*)(first + 64)).ToVector256Unsafe().ToVector512Unsafe();
        nibbles = Avx512F.PermuteVar16x32x2(start, Vector512.Create(1, 2, 3, 4, 6, 7, 8, 9, 11, 12, 13, 14, 16, 17, 18, 19), end);
        Vector512<int> both = Avx512F.PermuteVar16x32(start, Vector512.Create(0, 0, 0, 0, 5, 5, 5, 5, 10, 10, 10, 10, 15, 15, 15, 15));
        scales = Widen.UpperScales(Vector512.ShiftLeft(both, 16));
        offsets = Widen.UpperScales(both);
    }
}
