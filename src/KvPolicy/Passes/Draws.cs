using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace KvPolicy;

/// <summary>
/// Numbers of the <c>random</c> signal: uniform in [0, 1), a pure hash of seed, layer, KV head and position (or shot). 32-bit integer
/// arithmetic and one exact conversion, so that host, simulator and GPU give the same bits. Generated passes call it, kernels too.
/// </summary>
public static class Draws
{
    // Golden ratio and pi, as fractions of 2^32: no input, 0 least of all, is a fixed point of the mixing.
    private const uint Golden = 0x9E37_79B9u;
    private const uint Start = 0x243F_6A88u;

    // The top 24 bits of a hash are what a float's mantissa holds.
    private const float Unit = 1f / (1 << 24);

    /// <summary>What a walk over keys hashes once: seed, layer, head.</summary>
    /// <param name="seed">Seed of the policy's instance.</param>
    /// <param name="layer">Layer; 0 where all layers draw the same.</param>
    /// <param name="head">KV head; 0 where all of a layer draw the same.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Stream(int seed, int layer, int head) => unchecked(Take(Take(Take(Start, (uint)seed), (uint)layer), (uint)head));

    /// <summary>A stream's number for a position or shot: a multiple of 2^-24 in [0, 1).</summary>
    /// <param name="stream">Result of <see cref="Stream"/>.</param>
    /// <param name="index">Position of the key, or number of its shot.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Uniform(uint stream, int index) => unchecked((int)(Take(stream, (uint)index) >> 8) * Unit);

    /// <inheritdoc cref="Uniform(uint, int)"/>
    internal static Vector256<float> Uniform(uint stream, Vector256<int> index)
    {
        Vector256<uint> hash = Mix(Vector256.Create(stream) ^ Mix(index.AsUInt32() + Vector256.Create(Golden)));
        return Vector256.ConvertToSingle((hash >>> 8).AsInt32()) * Unit;
    }

    // The input is mixed before it meets what came before, or two streams would be shifts of one sequence.
    private static uint Take(uint hash, uint input) => unchecked(Mix(hash ^ Mix(input + Golden)));

    /// <summary>A bijection in which each bit of the input turns each bit of the result with a probability near one half ("lowbias32" of Chris Wellons).</summary>
    private static uint Mix(uint x)
    {
        unchecked
        {
            x = (x ^ (x >> 16)) * 0x7FEB_352Du;
            x = (x ^ (x >> 15)) * 0x846C_A68Bu;
            return x ^ (x >> 16);
        }
    }

    private static Vector256<uint> Mix(Vector256<uint> x)
    {
        x = (x ^ (x >>> 16)) * 0x7FEB_352Du;
        x = (x ^ (x >>> 15)) * 0x846C_A68Bu;
        return x ^ (x >>> 16);
    }
}
