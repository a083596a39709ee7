namespace KvPolicy.Cli.Verification.Oracles;

/// <summary>
/// The signal <c>random</c> by its definition, in arithmetic modulo 2^32: h = 243F6A88; for x in (seed, layer, head, index): h = mix(h xor
/// mix(x + 9E3779B9)); the number is floor(h / 2^8) / 2^24. mix(x): x = (x xor x / 2^16) 7FEB352D; x = (x xor x / 2^15) 846CA68B; x xor x / 2^16.
/// </summary>
internal static class Chance
{
    private const long Modulus = 1L << 32;

    /// <summary>The number of a position, or of a shot counted from 0.</summary>
    internal static double Number(int seed, int layer, int head, int index)
    {
        long hash = 0x243F6A88;
        foreach (int input in new[] { seed, layer, head, index }) hash = Mix(hash ^ Mix((input + 0x9E3779B9 + Modulus) % Modulus));
        return hash / 256 / 16777216.0;
    }

    private static long Mix(long x)
    {
        x = Times(x ^ (x / 65536), 0x7FEB352D);
        x = Times(x ^ (x / 32768), 0x846CA68B);
        return x ^ (x / 65536);
    }

    private static long Times(long x, long factor) => (long)((UInt128)x * (UInt128)factor % (UInt128)Modulus);
}
