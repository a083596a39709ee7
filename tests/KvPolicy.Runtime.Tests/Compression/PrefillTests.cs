namespace KvPolicy.Runtime.Tests;

public class PrefillTests
{
    private static float Falling(int layer, int head, int position) => -position;

    private static float Rising(int layer, int head, int position) => position;

    [Theory]
    [InlineData("0.1", 130, 13)]
    [InlineData("0.3", 130, 39)]
    [InlineData("0.55", 130, 71)]
    [InlineData("0.001", 130, 1)]
    [InlineData("1", 130, 130)]
    public void Keep_is_read_as_the_decimal_that_was_written(string keep, int n, int kept)
    {
        using Sequence s = new Sequence(Plans.Prefill(Budget.OfRatio(decimal.Parse(keep, System.Globalization.CultureInfo.InvariantCulture))), n, Rising).Prefill();
        Assert.Equal(Enumerable.Range(n - kept, kept), s.Slots());
    }

    [Theory]
    [InlineData(4, 64, 12, 4, 8)]   // sinks first, then the newest until k is full
    [InlineData(4, 64, 3, 3, 0)]
    [InlineData(0, 64, 64, 0, 64)]
    public void Protection_never_exceeds_the_budget(int sinks, int recent, int k, int keptSinks, int keptRecent)
    {
        using Sequence s = new Sequence(Plans.Prefill(Budget.OfTokens(k), sinks: sinks, recent: recent), 130, Falling).Prefill();
        Assert.Equal(Enumerable.Range(0, keptSinks).Concat(Enumerable.Range(130 - keptRecent, keptRecent)), s.Slots());
    }

    [Fact]
    public void Protected_keys_are_cut_out_before_pooling()
    {
        // Position 1 is a giant and protected; its neighbour 2 must not inherit its score.
        using Sequence s = new Sequence(Plans.Prefill(Budget.OfTokens(3), sinks: 2, pools: true), 40, (_, _, p) => p == 1 ? 1000 : p == 20 ? 5 : 0).Prefill();
        Assert.Equal([0, 1, 19], s.Slots());
    }

    [Fact]
    public void Each_head_keeps_its_own()
    {
        using Sequence s = new Sequence(Plans.Prefill(Budget.OfTokens(2)), 70, (_, head, p) => head == 0 ? p : -p, kvHeads: 2, threads: 2).Prefill();
        Assert.Equal([68, 69], s.Slots(0, 0));
        Assert.Equal([0, 1], s.Slots(0, 1));
    }

    [Fact]
    public void Values_and_keys_move_with_their_positions()
    {
        using Sequence s = new Sequence(Plans.Prefill(0.3, sinks: 3), 200, (_, _, p) => p * 37 % 101, layers: 2, kvHeads: 3, threads: 2).Prefill();
        for (int layer = 0; layer < 2; layer++)
        {
            LayerView view = s.Cache.View(layer, 200);
            for (int head = 0; head < 3; head++)
            {
                int[] slots = s.Slots(layer, head);
                Assert.Equal(60, slots.Length);
                for (int slot = 0; slot < slots.Length; slot++)
                {
                    int tile = slot / 32, lane = slot % 32, p = slots[slot];
                    Assert.Equal([p * 37 % 101, p * 37 % 101, layer, head], Enumerable.Range(0, 4).Select(c => view.Keys(head, tile)[c * 32 + lane]));
                    Assert.Equal([p, p + 1, layer, head], view.Values(head, tile).Slice(lane * 4, 4).ToArray());
                }
            }
        }
    }
}
