namespace KvPolicy.Runtime.Tests;

public class ChunkTests
{
    private static int[] Kept(int n, int k, Func<int, float> score, int sinks = 0, int recent = 0)
    {
        using Sequence s = new Sequence(Plans.Prefill(Budget.OfTokens(k), Unit.Chunk, Scope.Layer, sinks, recent), n, (_, _, p) => score(p)).Prefill();
        return s.Slots();
    }

    private static IEnumerable<int> Range(int from, int to) => Enumerable.Range(from, to - from);

    [Fact]
    public void The_best_chunks_stay_and_the_next_is_cut_to_its_first_tokens()
        => Assert.Equal([.. Range(20, 30), .. Range(40, 44)], Kept(50, 14, p => p / 10 == 2 ? 5 : p / 10 == 4 ? 3 : 1));

    [Fact]
    public void Chunks_start_at_the_first_competing_token()
        // With 4 sinks the chunks are 4..13, 14..23, 24..33; token 13 is the last of the first one.
        => Assert.Equal([.. Range(0, 4), .. Range(4, 14)], Kept(40, 14, p => p == 13 ? 1 : 0, sinks: 4));

    [Fact]
    public void The_newest_tokens_are_no_part_of_a_chunk()
        => Assert.Equal([.. Range(0, 10), .. Range(35, 40)], Kept(40, 15, p => p >= 35 ? 100 : -p, recent: 5));

    [Fact]
    public void A_short_last_chunk_that_is_best_leaves_room_for_more_of_the_next()
        => Assert.Equal([.. Range(0, 10), .. Range(10, 12), .. Range(40, 43)], Kept(43, 15, p => p >= 40 ? 50 : p < 10 ? 2 : p < 20 ? 1 : 0));

    [Fact]
    public void A_sum_decides_not_a_mean()
        // The last chunk has three tokens of 3: more each, less together.
        => Assert.Equal(Range(0, 10), Kept(43, 10, p => p >= 40 ? 3 : p < 10 ? 1 : 0));

    [Fact]
    public void Equal_chunks_the_lower_one() => Assert.Equal(Range(0, 15), Kept(60, 15, _ => 1));

    [Fact]
    public void Tokens_are_summed_in_no_order_that_threads_could_change()
    {
        static float Score(int layer, int head, int p) => MathF.Sin(p * 1.7f + head) * 1e3f;
        int[][] kept = [.. new[] { 1, 3 }.Select(threads =>
        {
            using Sequence s = new Sequence(Plans.Prefill(0.3, Unit.Chunk, Scope.Layer), 333, Score, kvHeads: 3, threads: threads).Prefill();
            return s.Slots();
        })];
        Assert.Equal(kept[0], kept[1]);
    }
}
