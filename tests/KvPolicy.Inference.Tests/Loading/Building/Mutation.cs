using System.Buffers.Binary;

namespace KvPolicy.Inference.Tests.Loading.Building;

/// <summary>Damages a file in one to three places, mostly where its header lies.</summary>
internal static class Mutation
{
    private static readonly ulong[] Extremes = [0, 1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 1UL << 40, long.MaxValue, 1UL << 63, ulong.MaxValue];

    internal static byte[] Of(byte[] honest, int header, Random random)
    {
        byte[] bytes = [.. honest];
        for (int changes = random.Next(1, 4); changes > 0; changes--) bytes = Once(bytes, Math.Min(header, bytes.Length), random);
        return bytes;
    }

    private static byte[] Once(byte[] bytes, int header, Random random)
    {
        int at = random.Next(Math.Max(1, random.Next(8) == 0 ? bytes.Length : header));
        if (bytes.Length < 16) return [.. bytes, (byte)random.Next(256)];
        switch (random.Next(9))
        {
            case 0: // a flipped bit
            case 1:
                bytes[at] ^= (byte)(1 << random.Next(8));
                return bytes;
            case 2: // another byte
                bytes[at] = (byte)random.Next(256);
                return bytes;
            case 3: // an extreme number where four or eight bytes may be one
                ulong value = Extremes[random.Next(Extremes.Length)];
                Span<byte> place = bytes.AsSpan(Math.Min(at, bytes.Length - 8));
                if (random.Next(2) == 0) BinaryPrimitives.WriteUInt32LittleEndian(place, (uint)value);
                else BinaryPrimitives.WriteUInt64LittleEndian(place, value);
                return bytes;
            case 4: // cut
                return bytes[..Math.Max(1, at)];
            case 5: // lengthened
                return [.. bytes, .. new byte[random.Next(1, 64)]];
            case 6: // a piece lost
                return [.. bytes[..at], .. bytes[Math.Min(bytes.Length, at + random.Next(1, 40))..]];
            case 7: // a piece twice
                return [.. bytes[..at], .. bytes[Math.Max(0, at - random.Next(1, 40))..]];
            default: // an ASCII digit, bracket or quote, for text headers
                bytes[at] = (byte)"0123456789-.eE{}[]\",:\\"[random.Next(22)];
                return bytes;
        }
    }
}
