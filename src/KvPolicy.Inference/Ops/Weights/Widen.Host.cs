using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace KvPolicy.Inference.Ops.Weights;

/// <summary>Small stored numbers to vectors of eight.</summary>
internal static unsafe class Widen
{
    // 2^112: the distance of the exponents of f32 and f16.
    private const float Rebias = 5.192296858534828e33f;

    /// <summary>Eight unsigned bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Bytes(byte* source)
    {
        if (Avx2.IsSupported) return Avx2.ConvertToVector256Int32(source);
        Vector128<ushort> half = Vector128.WidenLower(Vector128.CreateScalar(*(ulong*)source).AsByte());
        return Vector256.Create(Vector128.WidenLower(half), Vector128.WidenUpper(half)).AsInt32();
    }

    /// <summary>Eight signed bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> SignedBytes(byte* source)
    {
        if (Avx2.IsSupported) return Avx2.ConvertToVector256Int32((sbyte*)source);
        Vector128<short> half = Vector128.WidenLower(Vector128.CreateScalar(*(ulong*)source).AsSByte());
        return Vector256.Create(Vector128.WidenLower(half), Vector128.WidenUpper(half));
    }

    /// <summary>Eight unsigned 16-bit numbers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Words(byte* source)
    {
        if (Avx2.IsSupported) return Avx2.ConvertToVector256Int32((ushort*)source);
        Vector128<ushort> words = Vector128.Load((ushort*)source);
        return Vector256.Create(Vector128.WidenLower(words), Vector128.WidenUpper(words)).AsInt32();
    }

    /// <summary>Eight f16, each in the low half of an int: exact, subnormals and infinities included.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Halves(Vector256<int> bits)
    {
        // Exponent and fraction moved into place are the number times 2^-112; the product is exact, also for subnormals.
        Vector256<int> magnitude = Vector256.ShiftLeft(bits & Vector256.Create(0x7fff), 13);
        Vector256<float> value = magnitude.AsSingle() * Vector256.Create(Rebias);
        Vector256<int> special = Vector256.GreaterThanOrEqual(magnitude, Vector256.Create(0x7c00 << 13)) & Vector256.Create(0x7f800000);
        Vector256<int> sign = Vector256.ShiftLeft(bits & Vector256.Create(0x8000), 16);
        return (value.AsInt32() | special | sign).AsSingle();
    }

    /// <summary>Eight f16 scales, each in the upper half of an int, whatever the lower half: exact for every finite one, in three instructions.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> UpperScales(Vector256<int> bits)
        => (Vector256.ShiftRightArithmetic(bits, 3) & Vector256.Create(unchecked((int)0x8fffe000))).AsSingle() * Vector256.Create(Rebias);

    /// <inheritdoc cref="UpperScales(Vector256{int})"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> UpperScales(Vector512<int> bits)
        => (Vector512.ShiftRightArithmetic(bits, 3) & Vector512.Create(unchecked((int)0x8fffe000))).AsSingle() * Vector512.Create(Rebias);

    /// <summary>One f16 at any alignment.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Half(byte* source)
    {
        int bits = Unsafe.ReadUnaligned<ushort>(source), magnitude = (bits & 0x7fff) << 13;
        float value = BitConverter.Int32BitsToSingle(magnitude) * Rebias;
        int special = magnitude >= 0x7c00 << 13 ? 0x7f800000 : 0;
        return BitConverter.Int32BitsToSingle(BitConverter.SingleToInt32Bits(value) | special | ((bits & 0x8000) << 16));
    }
}
