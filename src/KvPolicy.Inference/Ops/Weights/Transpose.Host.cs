using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace KvPolicy.Inference.Ops.Weights;

/// <summary>Turns small squares of floats.</summary>
internal static unsafe class Transpose
{
    private const int Size = 32;

    /// <summary>target[c * 32 + r] = source[r * 32 + c] for the first columns.</summary>
    /// <param name="source">[32, 32]</param>
    /// <param name="target">[columns, 32]</param>
    /// <param name="columns">At most 32.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Square32(float* source, float* target, int columns)
    {
        int whole = Avx.IsSupported ? columns / 8 * 8 : 0;
        for (int c = 0; c < whole; c += 8)
        {
            for (int r = 0; r < Size; r += 8) Eight(source + r * Size + c, target + c * Size + r);
        }

        for (int c = whole; c < columns; c++)
        {
            for (int r = 0; r < Size; r++) target[c * Size + r] = source[r * Size + c];
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Eight(float* source, float* target)
    {
        Vector256<float> r0 = Vector256.Load(source), r1 = Vector256.Load(source + Size), r2 = Vector256.Load(source + 2 * Size), r3 = Vector256.Load(source + 3 * Size);
        Vector256<float> r4 = Vector256.Load(source + 4 * Size), r5 = Vector256.Load(source + 5 * Size), r6 = Vector256.Load(source + 6 * Size), r7 = Vector256.Load(source + 7 * Size);
        Vector256<float> a0 = Avx.UnpackLow(r0, r1), a1 = Avx.UnpackHigh(r0, r1), a2 = Avx.UnpackLow(r2, r3), a3 = Avx.UnpackHigh(r2, r3);
        Vector256<float> a4 = Avx.UnpackLow(r4, r5), a5 = Avx.UnpackHigh(r4, r5), a6 = Avx.UnpackLow(r6, r7), a7 = Avx.UnpackHigh(r6, r7);
        r0 = Avx.Shuffle(a0, a2, 0x44);
        r1 = Avx.Shuffle(a0, a2, 0xee);
        r2 = Avx.Shuffle(a1, a3, 0x44);
        r3 = Avx.Shuffle(a1, a3, 0xee);
        r4 = Avx.Shuffle(a4, a6, 0x44);
        r5 = Avx.Shuffle(a4, a6, 0xee);
        r6 = Avx.Shuffle(a5, a7, 0x44);
        r7 = Avx.Shuffle(a5, a7, 0xee);
        Avx.Permute2x128(r0, r4, 0x20).Store(target);
        Avx.Permute2x128(r1, r5, 0x20).Store(target + Size);
        Avx.Permute2x128(r2, r6, 0x20).Store(target + 2 * Size);
        Avx.Permute2x128(r3, r7, 0x20).Store(target + 3 * Size);
        Avx.Permute2x128(r0, r4, 0x31).Store(target + 4 * Size);
        Avx.Permute2x128(r1, r5, 0x31).Store(target + 5 * Size);
        Avx.Permute2x128(r2, r6, 0x31).Store(target + 6 * Size);
        Avx.Permute2x128(r3, r7, 0x31).Store(target + 7 * Size);
    }
}
