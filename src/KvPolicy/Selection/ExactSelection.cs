using System.Runtime.CompilerServices;

namespace KvPolicy;

/// <summary>
/// Picks exactly k of many scores in O(n) by radix selection, without allocating. The tie rule is part of the contract: among equal scores
/// the lower position stays. -0 equals 0, infinities are ordinary values, and NaN is below everything (a score that is not a number must
/// never push out one that is).
/// </summary>
internal static class ExactSelection
{
    private const int Digit = 11;
    private const int Bins = 1 << Digit;

    /// <summary>A key whose unsigned order is the order of the scores.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint SortableKey(float score)
    {
        if (float.IsNaN(score)) return 0u;
        uint bits = BitConverter.SingleToUInt32Bits(score + 0f); // -0 + 0 is +0
        return (bits & 0x8000_0000u) != 0 ? ~bits : bits | 0x8000_0000u;
    }

    /// <summary>Indices of the largest scores, ascending; as many as <paramref name="kept"/> holds.</summary>
    /// <param name="scores">[n], in the order of positions.</param>
    /// <param name="kept">[k], k from 0 to n.</param>
    /// <exception cref="ArgumentException">k is above n.</exception>
    public static void Largest(ReadOnlySpan<float> scores, Span<int> kept)
    {
        int k = kept.Length;
        if (k > scores.Length) throw new ArgumentException($"{k} of {scores.Length} scores cannot stay.", nameof(kept));
        if (k == 0) return;
        uint threshold = KthLargest(scores, k, out int ties);
        for (int i = 0, to = 0; to < k; i++)
        {
            uint key = SortableKey(scores[i]);
            if (key > threshold || (key == threshold && ties-- > 0)) kept[to++] = i;
        }
    }

    /// <summary>The k-th largest of distinct keys, k from 1 to their number.</summary>
    public static ulong KthLargest(ReadOnlySpan<ulong> keys, int k)
    {
        Span<int> counts = stackalloc int[Bins];
        ulong prefix = 0, mask = 0;
        for (int top = 64; top > 0;)
        {
            int width = Math.Min(Digit, top), shift = top - width;
            counts.Clear();
            foreach (ulong key in keys)
            {
                if ((key & mask) == prefix) counts[(int)(key >> shift) & ((1 << width) - 1)]++;
            }

            int bin = BinOf(counts, ref k);
            prefix |= (ulong)bin << shift;
            mask |= ((1UL << width) - 1) << shift;
            top = shift;
        }

        return prefix;
    }

    /// <summary>Key of the k-th largest score; <paramref name="ties"/> of those equal to it belong to the k largest.</summary>
    private static uint KthLargest(ReadOnlySpan<float> scores, int k, out int ties)
    {
        Span<int> counts = stackalloc int[Bins];
        uint prefix = 0, mask = 0;
        for (int top = 32; top > 0;)
        {
            int width = Math.Min(Digit, top), shift = top - width;
            counts.Clear();
            foreach (float score in scores)
            {
                uint key = SortableKey(score);
                if ((key & mask) == prefix) counts[(int)(key >> shift) & ((1 << width) - 1)]++;
            }

            int bin = BinOf(counts, ref k);
            prefix |= (uint)bin << shift;
            mask |= ((1u << width) - 1) << shift;
            top = shift;
        }

        ties = k;
        return prefix;
    }

    /// <summary>The bin that holds the k-th largest; k becomes its rank within that bin.</summary>
    private static int BinOf(ReadOnlySpan<int> counts, ref int k)
    {
        int bin = Bins - 1;
        for (; counts[bin] < k; bin--) k -= counts[bin];
        return bin;
    }
}
