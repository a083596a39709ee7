namespace KvPolicy;

/// <summary>
/// Brings the held tokens of a head back to the budget of a decode step. Slots are in no order, so positions decide: who is protected, who
/// is newest, who wins a tie.
/// </summary>
internal sealed class DecodeEviction(PolicyPlan plan, DecodePlan decode, KvCache cache)
{
    /// <summary>Evicts from <paramref name="firstHead"/> and, at the same slots, from the <paramref name="heads"/> - 1 after it.</summary>
    /// <param name="layer">Layer.</param>
    /// <param name="firstHead">KV head whose positions decide.</param>
    /// <param name="heads">1, or all KV heads where the set is shared.</param>
    /// <param name="row">Scores by slot.</param>
    /// <param name="frozen">Slots before this one do not compete and are not counted.</param>
    /// <param name="k">What stays of the others.</param>
    public void Evict(int layer, int firstHead, int heads, SelectionRow row, int frozen, int k)
    {
        int held = cache.Held(layer, firstHead), over = held - frozen - k;
        if (over <= 0) return;
        (int first, int last) = CompetingPositions(layer, firstHead, row, frozen, held, k);
        if (over == 1)
        {
            Remove(layer, firstHead, heads, Weakest(layer, firstHead, row, frozen, held, first, last));
            return;
        }

        EvictMany(layer, firstHead, heads, row, new Candidates(frozen, held, first, last), over);
    }

    private readonly record struct Candidates(int Frozen, int Held, int First, int Last)
    {
        public bool Has(int position) => position >= First && position <= Last;
    }

    private void Remove(int layer, int firstHead, int heads, int slot)
    {
        for (int h = 0; h < heads; h++) cache.RemoveAt(layer, firstHead + h, slot);
    }

    /// <summary>Lowest score among the candidates; of equal ones the highest position goes, since the lower one wins.</summary>
    private int Weakest(int layer, int head, SelectionRow row, int frozen, int held, int first, int last)
    {
        int weakest = -1, weakestPosition = -1;
        uint lowest = uint.MaxValue;
        for (int start = frozen / LayerView.TileKeys * LayerView.TileKeys; start < held; start += LayerView.TileKeys)
        {
            ReadOnlySpan<int> positions = cache.TilePositions(layer, head, start / LayerView.TileKeys);
            ReadOnlySpan<float> scores = row.Scores.AsSpan(start, LayerView.TileKeys);
            for (int lane = Math.Max(frozen - start, 0), end = Math.Min(LayerView.TileKeys, held - start); lane < end; lane++)
            {
                int position = positions[lane];
                uint key = ExactSelection.SortableKey(scores[lane]);
                if (key > lowest || (key == lowest && position < weakestPosition) || position < first || position > last) continue;
                (weakest, weakestPosition, lowest) = (start + lane, position, key);
            }
        }

        return weakest;
    }

    private void EvictMany(int layer, int head, int heads, SelectionRow row, Candidates candidates, int over)
    {
        Span<ulong> keys = row.OrderOf(candidates.Held - candidates.Frozen);
        int count = 0;
        for (int slot = candidates.Frozen; slot < candidates.Held; slot++)
        {
            int position = cache.PositionAt(layer, head, slot);
            if (candidates.Has(position)) keys[count++] = WorthOf(row.Scores[slot], position);
        }

        // The weakest that stays; nothing stays where every candidate goes.
        int staying = count - over;
        ulong threshold = staying > 0 ? ExactSelection.KthLargest(keys[..count], staying) : ulong.MaxValue;
        // From the end on, so that the last slot, which moves into the hole, has been judged already.
        for (int slot = candidates.Held - 1; slot >= candidates.Frozen; slot--)
        {
            int position = cache.PositionAt(layer, head, slot);
            if (candidates.Has(position) && WorthOf(row.Scores[slot], position) < threshold) Remove(layer, head, heads, slot);
        }
    }

    /// <summary>Unsigned order of (score, lower position first): no two tokens are equal.</summary>
    private static ulong WorthOf(float score, int position) => (ulong)ExactSelection.SortableKey(score) << 32 | ~(uint)position;

    /// <summary>
    /// Positions from .. to that compete. The newest token comes first where it always stays, then the sinks, then the newest of the held
    /// ones, together never more than k.
    /// </summary>
    private (int First, int Last) CompetingPositions(int layer, int head, SelectionRow row, int frozen, int held, int k)
    {
        int newest = decode.ProtectNewest ? 1 : 0;
        int sinksHeld = plan.Sinks > 0 ? Count(layer, head, frozen, held, int.MinValue, plan.Sinks - 1) : 0;
        int sinks = Math.Min(sinksHeld, k - newest);
        int recent = Math.Min(Math.Max(plan.RecentOf(k), newest), k - sinks);
        // Where the cap leaves sinks out, those with the lowest positions stay.
        int first = sinks == sinksHeld ? plan.Sinks : NthLargestPosition(layer, head, row, frozen, held, held - frozen - sinks);
        if (recent == 0) return (first, int.MaxValue);
        // Mostly the newest held tokens are the newest of the sequence.
        int newestPosition = LargestPosition(layer, head, frozen, held);
        int bound = newestPosition - recent + 1;
        if (Count(layer, head, frozen, held, bound, int.MaxValue) != recent) bound = NthLargestPosition(layer, head, row, frozen, held, recent);
        return (first, bound - 1);
    }

    private int Count(int layer, int head, int frozen, int held, int from, int to)
    {
        int count = 0;
        for (int start = frozen / LayerView.TileKeys * LayerView.TileKeys; start < held; start += LayerView.TileKeys)
        {
            ReadOnlySpan<int> positions = cache.TilePositions(layer, head, start / LayerView.TileKeys);
            for (int lane = Math.Max(frozen - start, 0), end = Math.Min(LayerView.TileKeys, held - start); lane < end; lane++)
            {
                if (positions[lane] >= from && positions[lane] <= to) count++;
            }
        }

        return count;
    }

    // The token of this step was appended last and eviction has not run yet, so the last slot holds the newest position.
    private int LargestPosition(int layer, int head, int frozen, int held)
        => held > frozen ? cache.PositionAt(layer, head, held - 1) : -1;

    private int NthLargestPosition(int layer, int head, SelectionRow row, int frozen, int held, int n)
    {
        Span<ulong> keys = row.OrderOf(held - frozen);
        for (int slot = frozen; slot < held; slot++) keys[slot - frozen] = (ulong)cache.PositionAt(layer, head, slot);
        return (int)ExactSelection.KthLargest(keys, n);
    }
}
