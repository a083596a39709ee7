namespace KvPolicy.Runtime.Tests;

public class ScheduleTests
{
    private static float Noise(int layer, int head, int p) => (p + 3 * head + 11 * layer) * 2654435761u % 997;

    [Theory]
    [InlineData(10)]
    [InlineData(64)]
    [InlineData(1000)]
    public void The_budget_holds_after_every_chunk(int chunk)
    {
        using var s = new Sequence(Plans.Prefill(0.25, sinks: 3, recent: 5), 200, Noise, layers: 2, kvHeads: 2);
        s.AfterChunk = () => Assert.InRange(s.Cache.Held(1, 1), 1, 50);
        s.PrefillChunks(chunk);
        for (int head = 0; head < 2; head++)
        {
            Assert.Equal(50, s.Slots(1, head).Length);
            Assert.Equal(s.Held(1, head), s.Slots(1, head));
            Assert.Equal([0, 1, 2], s.Slots(1, head)[..3]);
            Assert.Equal([195, 196, 197, 198, 199], s.Slots(1, head)[^5..]);
        }
    }

    [Fact]
    public void One_chunk_is_the_whole_prompt_at_once()
    {
        using Sequence chunked = new Sequence(Plans.Prefill(0.25, sinks: 3), 200, Noise, layers: 2, kvHeads: 2).PrefillChunks(200);
        using Sequence whole = new Sequence(Plans.Prefill(0.25, sinks: 3), 200, Noise, layers: 2, kvHeads: 2).Prefill();
        Assert.Equal(whole.Slots(1, 1), chunked.Slots(1, 1));
    }

    [Theory]
    [InlineData(Scope.Layer)]
    [InlineData(Scope.Model)]
    public void Shots_stay_whole_whatever_the_chunk(Scope share)
    {
        int[] shots = [.. Enumerable.Range(0, 160).Select(p => p / 16)];
        using Sequence s = new Sequence(Plans.Shots(0.35, share: share), 160, (layer, _, p) => Noise(layer, 0, p / 16), layers: 2, shots: shots).PrefillChunks(25);
        for (int layer = 0; layer < 2; layer++)
        {
            int[] kept = s.Slots(layer);
            Assert.InRange(kept.Length, 16, 56);
            Assert.All(kept.GroupBy(p => p / 16), shot => Assert.Equal(16, shot.Count()));
        }
    }

    [Fact]
    public void Keys_gained_state_in_every_chunk_they_were_there()
    {
        PolicyPlan plan = Plans.Prefill(0.5) with { HasState = true };
        using Sequence s = new Sequence(plan, 90, (_, _, p) => p == 0 ? 1 : 0.001f).PrefillChunks(30);
        Assert.Equal(0, s.Slots()[0]);
        Assert.Equal(3f, s.Cache.View(0, 90).State(0, 0)[0]);
    }

    [Fact]
    public void Threads_change_nothing()
    {
        int[][] kept = [.. new[] { 1, 2, 4 }.Select(threads =>
        {
            using Sequence s = new Sequence(Plans.Decode(0.4, 0.3, Base.All, sinks: 2), 700, Noise, layers: 2, kvHeads: 3, threads: threads).Prefill().Decode(40);
            return s.Slots(1, 2);
        })];
        Assert.Equal(kept[0], kept[1]);
        Assert.Equal(kept[0], kept[2]);
    }

    [Fact]
    public void A_budget_of_the_whole_prompt_looks_at_no_rule()
    {
        using Sequence s = new Sequence(Plans.Prefill(Budget.OfTokens(200), pools: true), 200, Noise).Prefill();
        Assert.Equal(200, s.Slots().Length);
        Assert.Empty(s.Compressor.Kernels);
        Assert.Equal(200, s.Compressor.FirstObservedRow);
    }

    [Fact]
    public void State_for_decoding_is_seeded_even_where_the_prefill_keeps_everything()
    {
        PolicyPlan plan = Plans.Decode(1.0, Budget.OfTokens(5), Base.Prompt);
        plan = plan with { HasState = true, Prefill = plan.Prefill! with { Rows = int.MaxValue }, Decode = plan.Decode! with { NeedsPrefillState = true } };
        using Sequence s = new Sequence(plan, 20, (_, _, p) => p).Prefill();
        Assert.Equal(0, s.Compressor.FirstObservedRow);
        Assert.Equal(20, s.Slots().Length);
        Assert.Equal(19f, s.Cache.View(0, 20).State(0, 0)[19]);
        Assert.Equal(5, s.Decode().Held().Length);
    }

    [Fact]
    public void Observed_rows_are_the_last_of_the_prompt()
    {
        PolicyPlan plan = Plans.Prefill(0.5);
        plan = plan with { Prefill = plan.Prefill! with { Rows = 64 } };
        using (var s = new Sequence(plan, 200, Noise)) Assert.Equal(136, s.Compressor.FirstObservedRow);
        using (var s = new Sequence(plan, 20, Noise)) Assert.Equal(0, s.Compressor.FirstObservedRow);
    }

    [Fact]
    public void Every_pass_that_ran_is_counted()
    {
        PolicyPlan plan = Plans.Decode(0.5, 0.5, Base.Prompt);
        plan = plan with { Prefill = plan.Prefill! with { Pools = true } };
        using Sequence s = new Sequence(plan, 40, Noise, layers: 3).Prefill().Decode(5);
        Assert.Equal(
            ["Scripted.Score 3", "Scripted.Pool 3", "Scripted.Decode 15", "Select 3", "Compact 3", "Evict 15"],
            s.Compressor.Kernels.Select(kernel => $"{kernel.Name} {kernel.Launches}"));
    }

    [Fact]
    public void A_cache_without_state_is_refused_where_the_policy_needs_it()
    {
        using var cache = new KvCache(new KvShape(1, 1, 1, 4), 10, hasState: false);
        using var workers = new WorkerPool(1);
        var policy = new ScriptedPolicy(Plans.Prefill(0.5) with { HasState = true });
        Assert.Contains("hasState", Assert.Throws<ArgumentException>(() => HostCompression.Create(policy, cache, new PromptShape(5, []), workers)).Message, StringComparison.Ordinal);
    }
}
