using CsCheck;

namespace KvPolicy.Runtime.Tests;

public class KvCacheTests
{
    private static KvCache Filled(int tokens, int capacity = 400, int headDim = 5)
    {
        var cache = new KvCache(new KvShape(1, 1, 1, headDim), capacity, hasState: true);
        cache.Reserve(0, tokens);
        for (int p = 0; p < tokens; p++) Append(cache, p);
        return cache;
    }

    private static void Append(KvCache cache, int p)
    {
        float[] row = [.. Enumerable.Range(0, cache.Shape.HeadDim).Select(c => p * 100f + c)];
        cache.Append(0, 0, row, [.. row.Select(x => -x)], p);
        int slot = cache.Held(0, 0) - 1;
        Assert.Equal(0f, cache.View(0, p + 1).State(0, slot / 32)[slot % 32]); // not what a former key left there
        cache.View(0, p + 1).State(0, slot / 32)[slot % 32] = p + 0.5f;
    }

    /// <summary>Key, value, position and state of each slot belong together, and the positions are these.</summary>
    private static void AssertHolds(IReadOnlyList<int> positions, KvCache cache)
    {
        LayerView view = cache.View(0, 1);
        Assert.Equal(positions.Count, view.Held(0));
        for (int slot = 0; slot < positions.Count; slot++)
        {
            int tile = slot / 32, lane = slot % 32, p = positions[slot];
            Assert.Equal(p, view.Positions(0, tile)[lane]);
            Assert.Equal(p + 0.5f, view.State(0, tile)[lane]);
            for (int c = 0; c < cache.Shape.HeadDim; c++)
            {
                Assert.Equal(p * 100f + c, view.Keys(0, tile)[c * 32 + lane]);
                Assert.Equal(-(p * 100f + c), view.Values(0, tile)[lane * cache.Shape.HeadDim + c]);
            }
        }
    }

    [Fact]
    public void Any_compaction_keeps_the_chosen_in_order_with_all_that_is_theirs()
        => Gen.Bool.Array[0, 150].Sample(stays =>
        {
            using KvCache cache = Filled(stays.Length);
            int[] kept = [.. Enumerable.Range(0, stays.Length).Where(i => stays[i])];
            cache.Compact(0, 0, kept);
            AssertHolds(kept, cache);
            cache.Trim(0);
            AssertHolds(kept, cache);
            Assert.Equal((kept.Length + 31) / 32 * 32 * 5 * 8L, cache.Pool.BytesInUse);
        }, iter: 200);

    [Fact]
    public void Ordering_sorts_the_slots_with_all_that_is_theirs()
        => Gen.Int[0, 1000].Array[0, 120].Sample(moves =>
        {
            using KvCache cache = Filled(150);
            foreach (int move in moves) cache.RemoveAt(0, 0, move % cache.Held(0, 0));
            var positions = new int[cache.Held(0, 0)];
            cache.CopyPositions(0, 0, positions);
            long bytes = cache.Pool.BytesInUse;
            cache.Order(0);
            AssertHolds([.. positions.Order()], cache);
            Assert.Equal(bytes, cache.Pool.BytesInUse);
        }, iter: 200);

    [Fact]
    public void The_first_keys_of_another_cache_are_copied_without_its_state()
    {
        using KvCache source = Filled(100), copy = new(source.Shape, 400, hasState: true);
        copy.CopyFirst(source, 0, 70);
        for (int slot = 0; slot < 70; slot++)
        {
            Assert.Equal(0f, copy.View(0, 1).State(0, slot / 32)[slot % 32]);
            copy.View(0, 1).State(0, slot / 32)[slot % 32] = slot + 0.5f;
        }

        AssertHolds([.. Enumerable.Range(0, 70)], copy);
    }

    [Fact]
    public void Removals_and_appends_in_any_order_equal_a_list()
        => Gen.Int[0, 1000].Array[0, 120].Sample(moves =>
        {
            using KvCache cache = Filled(40);
            List<int> list = [.. Enumerable.Range(0, 40)];
            int next = 40;
            foreach (int move in moves)
            {
                if (move % 3 == 0 || list.Count == 0)
                {
                    cache.Reserve(0, 1);
                    Append(cache, next);
                    list.Add(next++);
                    continue;
                }

                int slot = move % list.Count;
                cache.RemoveAt(0, 0, slot);
                list[slot] = list[^1];
                list.RemoveAt(list.Count - 1);
                cache.Trim(0, sparePages: move % 2);
            }

            AssertHolds(list, cache);
        }, iter: 200);

    [Fact]
    public void Bytes_are_those_of_the_pages_in_use_and_the_peak_stays()
    {
        using KvCache cache = Filled(100);
        long page = 32 * 5 * 2 * sizeof(float);
        Assert.Equal(4 * page, cache.Pool.BytesInUse);
        cache.Compact(0, 0, [3, 50, 99]);
        cache.Trim(0);
        Assert.Equal(page, cache.Pool.BytesInUse);
        Assert.Equal(4 * page, cache.Pool.PeakBytes);
        Assert.Equal(100 * 5 * 2 * 4L, cache.FullBytes(100));
    }

    [Fact]
    public void Layers_compressed_one_by_one_never_hold_more_than_one_full_layer_and_the_rest()
    {
        const int Tokens = 320, Layers = 10, Heads = 2;
        using var cache = new KvCache(new KvShape(Layers, 2, Heads, 8), Tokens, hasState: false);
        for (int layer = 0; layer < Layers; layer++)
        {
            cache.Reserve(layer, Tokens);
            for (int head = 0; head < Heads; head++)
            {
                for (int p = 0; p < Tokens; p++) cache.Append(layer, head, new float[8], new float[8], p);
                cache.Compact(layer, head, [.. Enumerable.Range(0, 32)]);
            }

            cache.Trim(layer);
        }

        Assert.Equal(cache.FullBytes(32), cache.Pool.BytesInUse);
        Assert.Equal(cache.FullBytes(Tokens) / Layers + cache.FullBytes(32) / Layers * (Layers - 1), cache.Pool.PeakBytes);
    }

    [Fact]
    public void A_full_cache_says_what_it_holds()
    {
        using KvCache cache = Filled(64, capacity: 64);
        Assert.Contains("at most 64 tokens", Assert.Throws<InvalidOperationException>(() => cache.Reserve(0, 1)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public unsafe void A_page_goes_back_once_and_to_its_own_pool()
    {
        using var pool = new PagePool(new PageLayout(4, false));
        using var other = new PagePool(new PageLayout(4, false));
        byte* page = pool.Rent();
        Assert.Throws<InvalidOperationException>(() => other.Return(page));
        pool.Return(page);
        Assert.Throws<InvalidOperationException>(() => pool.Return(page));
        Assert.Equal(0, pool.BytesInUse);
    }

    [SkippableFact]
    public void Freed_pages_go_back_to_the_system()
    {
        Skip.IfNot(OperatingSystem.IsLinux(), "resident memory is read from /proc");
        // 100 MB of keys and values; of every head's pages the first tenth survives, so that freed ones lie between used ones.
        const int Tokens = 32 * 400, Heads = 8, HeadDim = 128;
        using var cache = new KvCache(new KvShape(1, Heads, Heads, HeadDim), Tokens, hasState: false);
        cache.Reserve(0, Tokens);
        for (int head = 0; head < Heads; head++)
        {
            for (int p = 0; p < Tokens; p++) cache.Append(0, head, new float[HeadDim], new float[HeadDim], p);
        }

        long full = Resident();
        for (int head = 0; head < Heads; head++) cache.Compact(0, head, [.. Enumerable.Range(0, Tokens / 10)]);
        cache.Trim(0);
        PagePool.ReturnToSystem();
        Assert.InRange(full - Resident(), 60_000_000, long.MaxValue);
    }

    private static long Resident() => long.Parse(File.ReadAllText("/proc/self/statm").Split(' ')[1], System.Globalization.CultureInfo.InvariantCulture) * Environment.SystemPageSize;
}
