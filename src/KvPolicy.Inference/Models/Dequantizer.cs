using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace KvPolicy.Inference.Models;

/// <summary>Stored numbers to f32, each product and sum rounded in the order of gguf-py's dequantize, so that results are equal to the bit.</summary>
internal static unsafe class Dequantizer
{
    private const int Block = 32;
    private const int SuperBlock = 256;

    /// <summary>Writes row <paramref name="row"/> of <paramref name="t"/> to the first [t.Columns] numbers of <paramref name="into"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">No such row, or too little room.</exception>
    internal static void Row(ModelTensor t, int row, Span<float> into)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)row, (uint)t.Rows, nameof(row));
        ArgumentOutOfRangeException.ThrowIfLessThan(into.Length, t.Columns, nameof(into));
        byte* source = t.Data + row * t.RowBytes;
        fixed (float* target = into)
        {
            switch (t.Type)
            {
                case TensorType.F32: Buffer.MemoryCopy(source, target, 4L * into.Length, 4L * t.Columns); break;
                case TensorType.F16: F16(source, target, t.Columns); break;
                case TensorType.BF16: BF16(source, target, t.Columns); break;
                case TensorType.Q8_0: Q8_0(source, target, t.Columns); break;
                case TensorType.Q4_0: Q4_0(source, target, t.Columns); break;
                case TensorType.Q4_1: Q4_1(source, target, t.Columns); break;
                case TensorType.Q5_0: Q5_0(source, target, t.Columns); break;
                case TensorType.Q5_1: Q5_1(source, target, t.Columns); break;
                case TensorType.Q4_K: Q4_K(source, target, t.Columns); break;
                case TensorType.Q6_K: Q6_K(source, target, t.Columns); break;
                default: throw new ArgumentOutOfRangeException(nameof(t), t.Type, "no such storage type");
            }
        }
    }

    /// <summary>The whole tensor, row-major: for norms, biases and other small ones.</summary>
    internal static float[] All(ModelTensor t)
    {
        var all = new float[checked(t.Rows * t.Columns)];
        for (int row = 0; row < t.Rows; row++) Row(t, row, all.AsSpan(row * t.Columns, t.Columns));
        return all;
    }

    private static float Half(byte* at) => (float)Unsafe.ReadUnaligned<Half>(at);

    private static void F16(byte* source, float* target, int count)
    {
        int i = 0;
        for (; i + 8 <= count; i += 8)
        {
            Vector128<ushort> halves = Vector128.Load((ushort*)(source + 2 * i));
            Vector128.Store(Widen(Vector128.WidenLower(halves)), target + i);
            Vector128.Store(Widen(Vector128.WidenUpper(halves)), target + i + 4);
        }
        for (; i < count; i++) target[i] = Half(source + 2 * i);
    }

    // Exponent and mantissa, moved to their f32 places, make a number 2^112 too small; the product is exact, subnormals included.
    private static Vector128<float> Widen(Vector128<uint> halves)
    {
        Vector128<uint> sign = (halves & Vector128.Create(0x8000u)) << 16;
        Vector128<uint> magnitude = (halves & Vector128.Create(0x7FFFu)) << 13;
        Vector128<uint> scaled = (magnitude.AsSingle() * Vector128.Create(5.192296858534828e33f)).AsUInt32();
        Vector128<uint> infinite = Vector128.GreaterThanOrEqual(magnitude, Vector128.Create(0x7C00u << 13));
        return (Vector128.ConditionalSelect(infinite, magnitude | Vector128.Create(0x7F800000u), scaled) | sign).AsSingle();
    }

    private static void BF16(byte* source, float* target, int count)
    {
        int i = 0;
        for (; i + 8 <= count; i += 8)
        {
            Vector128<ushort> upper = Vector128.Load((ushort*)(source + 2 * i));
            Vector128.Store((Vector128.WidenLower(upper) << 16).AsSingle(), target + i);
            Vector128.Store((Vector128.WidenUpper(upper) << 16).AsSingle(), target + i + 4);
        }
        for (; i < count; i++) target[i] = BitConverter.UInt32BitsToSingle((uint)Unsafe.ReadUnaligned<ushort>(source + 2 * i) << 16);
    }

    private static void Q8_0(byte* source, float* target, int count)
    {
        for (byte* end = source + (long)count / Block * 34; source < end; source += 34, target += Block)
        {
            Vector128<float> d = Vector128.Create(Half(source));
            for (int i = 0; i < Block; i += 8)
            {
                Vector128<short> q = Vector128.WidenLower(Vector128.CreateScalar(Unsafe.ReadUnaligned<long>(source + 2 + i)).AsSByte());
                Vector128.Store(d * Vector128.ConvertToSingle(Vector128.WidenLower(q)), target + i);
                Vector128.Store(d * Vector128.ConvertToSingle(Vector128.WidenUpper(q)), target + i + 4);
            }
        }
    }

    private static void Q4_0(byte* source, float* target, int count)
    {
        for (byte* end = source + (long)count / Block * 18; source < end; source += 18, target += Block)
        {
            float d = Half(source);
            for (int i = 0; i < 16; i++)
            {
                target[i] = d * ((source[2 + i] & 15) - 8);
                target[i + 16] = d * ((source[2 + i] >> 4) - 8);
            }
        }
    }

    private static void Q4_1(byte* source, float* target, int count)
    {
        for (byte* end = source + (long)count / Block * 20; source < end; source += 20, target += Block)
        {
            float d = Half(source), m = Half(source + 2);
            for (int i = 0; i < 16; i++)
            {
                target[i] = d * (source[4 + i] & 15) + m;
                target[i + 16] = d * (source[4 + i] >> 4) + m;
            }
        }
    }

    private static void Q5_0(byte* source, float* target, int count)
    {
        for (byte* end = source + (long)count / Block * 22; source < end; source += 22, target += Block)
        {
            float d = Half(source);
            uint fifth = Unsafe.ReadUnaligned<uint>(source + 2);
            for (int i = 0; i < 16; i++)
            {
                target[i] = d * ((source[6 + i] & 15 | FifthBit(fifth, i)) - 16);
                target[i + 16] = d * ((source[6 + i] >> 4 | FifthBit(fifth, i + 16)) - 16);
            }
        }
    }

    private static void Q5_1(byte* source, float* target, int count)
    {
        for (byte* end = source + (long)count / Block * 24; source < end; source += 24, target += Block)
        {
            float d = Half(source), m = Half(source + 2);
            uint fifth = Unsafe.ReadUnaligned<uint>(source + 4);
            for (int i = 0; i < 16; i++)
            {
                target[i] = d * (source[8 + i] & 15 | FifthBit(fifth, i)) + m;
                target[i + 16] = d * (source[8 + i] >> 4 | FifthBit(fifth, i + 16)) + m;
            }
        }
    }

    private static int FifthBit(uint bits, int i) => (int)(bits >> i & 1) << 4;

    private static void Q4_K(byte* source, float* target, int count)
    {
        for (byte* end = source + (long)count / SuperBlock * 144; source < end; source += 144, target += SuperBlock)
        {
            float d = Half(source), minimum = Half(source + 2);
            byte* scales = source + 4;
            for (int part = 0; part < 8; part++)
            {
                (int scale, int offset) = ScaleAndMinimum(scales, part);
                float ds = d * scale, dm = minimum * offset;
                byte* nibbles = source + 16 + part / 2 * Block;
                int shift = part % 2 * 4;
                for (int i = 0; i < Block; i++) target[part * Block + i] = ds * (nibbles[i] >> shift & 15) - dm;
            }
        }
    }

    /// <summary>Six-bit scale and minimum of one of a Q4_K super-block's eight parts, packed into 12 bytes.</summary>
    internal static (int Scale, int Minimum) ScaleAndMinimum(byte* scales, int part) => part < 4
        ? (scales[part] & 63, scales[part + 4] & 63)
        : (scales[part + 4] & 15 | scales[part - 4] >> 6 << 4, scales[part + 4] >> 4 | scales[part] >> 6 << 4);

    private static void Q6_K(byte* source, float* target, int count)
    {
        for (byte* end = source + (long)count / SuperBlock * 210; source < end; source += 210, target += SuperBlock)
        {
            var scales = (sbyte*)(source + 192);
            float d = Half(source + 208);
            for (int part = 0; part < 16; part++)
            {
                float ds = d * scales[part];
                // Parts 0-7 are the first half of 128, 8-15 the second; in each, 32 numbers share a nibble and a bit pair's place.
                int half = part / 8, quarter = part % 8 / 2, from = part % 2 * 16;
                byte* low = source + half * 64 + quarter % 2 * 32 + from;
                byte* high = source + 128 + half * 32 + from;
                float* to = target + part * 16;
                for (int i = 0; i < 16; i++)
                {
                    int q = low[i] >> quarter / 2 * 4 & 15 | (high[i] >> quarter * 2 & 3) << 4;
                    to[i] = ds * (q - 32);
                }
            }
        }
    }
}
