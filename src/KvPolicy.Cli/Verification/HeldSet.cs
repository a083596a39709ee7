using KvPolicy.Inference.Ops;

namespace KvPolicy.Cli.Verification;

/// <summary>Which positions every layer and KV head holds at one moment.</summary>
internal sealed class HeldSet
{
    private readonly bool[][][] _held;

    private HeldSet(bool[][][] held) => _held = held;

    /// <summary>Reads a store.</summary>
    /// <param name="store">The store.</param>
    /// <param name="layers">Its layers.</param>
    /// <param name="kvHeads">Its KV heads.</param>
    /// <param name="length">Positions so far.</param>
    internal static HeldSet Of(SequenceStore store, int layers, int kvHeads, int length)
    {
        bool[] Head(int layer, int head)
        {
            var held = new bool[length];
            foreach (int position in store.Positions(layer, head)) held[position] = true;
            return held;
        }

        return new([.. Enumerable.Range(0, layers).Select(layer => Enumerable.Range(0, kvHeads).Select(head => Head(layer, head)).ToArray())]);
    }

    /// <summary>True where a head holds a position.</summary>
    internal bool Has(int layer, int kvHead, int position) => position < _held[layer][kvHead].Length && _held[layer][kvHead][position];

    /// <summary>Keys held by all heads together.</summary>
    internal int Total => _held.Sum(layer => layer.Sum(head => head.Count(h => h)));

    /// <summary>True where every head holds the same positions.</summary>
    internal bool Equals(HeldSet other)
        => _held.Length == other._held.Length && _held.Zip(other._held).All(l => l.First.Length == l.Second.Length && l.First.Zip(l.Second).All(h => h.First.AsSpan().SequenceEqual(h.Second)));
}
