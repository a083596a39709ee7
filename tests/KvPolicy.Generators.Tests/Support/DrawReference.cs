using System.Numerics;

namespace KvPolicy.Generators.Tests.Support;

/// <summary>The signal <c>random</c> by its definition, in whole numbers of any size: what wraps around is cut by hand.</summary>
internal static class DrawReference
{
    private static readonly BigInteger Modulus = BigInteger.One << 32;

    public static double Number(int seed, int layer, int head, int index)
    {
        BigInteger hash = 0x243F6A88;
        foreach (int input in new[] { seed, layer, head, index }) hash = Mix(hash ^ Mix((input + 0x9E3779B9L + Modulus) % Modulus));
        return (int)(hash >> 8) / 16777216.0;
    }

    private static BigInteger Mix(BigInteger x)
    {
        x = (x ^ (x >> 16)) * 0x7FEB352D % Modulus;
        x = (x ^ (x >> 15)) * 0x846CA68B % Modulus;
        return x ^ (x >> 16);
    }
}
