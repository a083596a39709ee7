namespace KvPolicy.Runtime.Tests;

public class DecodeTests
{
    /// <summary>The rule of a decode step, as plainly as it can be written: over a list of positions.</summary>
    private static void NaiveStep(List<int> held, int n, int t, PolicyPlan plan, Func<int, double> score)
    {
        DecodePlan decode = plan.Decode!;
        List<int> pool = decode.Of == Base.Generated ? [.. held.Where(p => p >= n)] : held;
        decimal exact = decode.Budget.Ratio * (decode.Of switch { Base.Prompt => n, Base.Generated => t, _ => n + t });
        int k = decode.Budget.IsTokens ? decode.Budget.Tokens : Math.Max(1, (int)(decode.Of == Base.Generated ? Math.Ceiling(exact) : Math.Floor(exact)));
        while (pool.Count > k)
        {
            int newest = decode.ProtectNewest ? 1 : 0;
            HashSet<int> safe = [.. pool.Where(p => p < plan.Sinks).Order().Take(k - newest)];
            safe.UnionWith(pool.OrderDescending().Take(Math.Min(Math.Max(plan.Recent, newest), k - safe.Count)));
            int weakest = pool.Where(p => !safe.Contains(p)).OrderBy(score).ThenByDescending(p => p).First();
            held.Remove(weakest);
            pool = decode.Of == Base.Generated ? [.. held.Where(p => p >= n)] : held;
        }
    }

    public static TheoryData<int> Seeds => [.. Enumerable.Range(0, 60)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Every_step_equals_the_naive_rule(int seed)
    {
        var random = new Random(seed);
        int n = random.Next(1, 120), heads = random.Next(1, 4), levels = random.Next(2, 30);
        Budget Pick() => random.Next(4) == 0 ? 1.0 : random.Next(2) == 0 ? Budget.OfTokens(random.Next(1, 80)) : Budget.OfRatio(random.Next(1, 100) / 100m);
        PolicyPlan plan = Plans.Decode(Pick(), Pick(), (Base)random.Next(3), random.Next(2) == 0 ? Scope.Head : Scope.Layer, random.Next(3) * random.Next(6), random.Next(3) * random.Next(9), random.Next(2) == 0);
        // Few levels: many ties.
        float Score(int layer, int head, int p) => (p * 2654435761u % 1000 + (uint)head * 7) % (uint)levels;
        bool shared = plan.Share == Scope.Layer;
        double Worth(int head, int p) => shared ? Enumerable.Range(0, heads).Sum(h => Score(0, h, p)) : Score(0, head, p);

        using Sequence s = new Sequence(plan, n, Score, kvHeads: heads, threads: 2).Prefill();
        List<int>[] naive = [.. Enumerable.Range(0, heads).Select(h => s.Held(0, h).ToList())];
        for (int t = 1; t <= 90; t++)
        {
            s.Decode();
            for (int h = 0; h < heads; h++)
            {
                naive[h].Add(n + t - 1);
                if (!plan.Decode!.Budget.KeepsAll) NaiveStep(naive[h], n, t, plan, p => Worth(h, p));
                Assert.True(naive[h].Order().SequenceEqual(s.Held(0, h)), $"step {t}, head {h}: {string.Join(" ", naive[h].Order())} expected, {string.Join(" ", s.Held(0, h))} held");
            }
        }
    }

    [Fact]
    public void A_shared_set_keeps_the_slots_of_all_heads_aligned()
    {
        using Sequence s = new Sequence(Plans.Decode(0.5, 0.4, Base.Prompt, Scope.Layer), 100, (_, h, p) => p * 31 % 17 * (h + 1), kvHeads: 3).Prefill().Decode(50);
        Assert.Equal(40, s.Slots(0, 0).Length);
        Assert.Equal(s.Slots(0, 0), s.Slots(0, 1));
        Assert.Equal(s.Slots(0, 0), s.Slots(0, 2));
    }

    [Fact]
    public void What_stayed_of_the_prompt_is_frozen_under_a_budget_of_what_was_generated()
    {
        // Prompt tokens are worth nothing, decoded ones a lot: the prompt stays nevertheless.
        using Sequence s = new Sequence(Plans.Decode(0.5, 0.3, Base.Generated), 64, (_, _, p) => p < 64 ? p - 100 : 5, kvHeads: 2).Prefill().Decode(41);
        Assert.Equal(Enumerable.Range(32, 32), s.Held().Where(p => p < 64));
        Assert.Equal(13, s.Held().Count(p => p >= 64)); // ceil(0.3 x 41)
        Assert.Equal(Enumerable.Range(32, 32), s.Slots()[..32]);
    }

    [Fact]
    public void The_newest_token_stays_unless_it_competes()
    {
        static float Falling(int layer, int head, int p) => -p;
        using (Sequence s = new Sequence(Plans.Decode(0.5, 0.5, Base.Prompt), 20, Falling).Prefill().Decode(3)) Assert.Equal([.. Enumerable.Range(0, 9), 22], s.Held());
        using (Sequence s = new Sequence(Plans.Decode(0.5, 0.5, Base.Prompt, newest: false), 20, Falling).Prefill().Decode(3)) Assert.Equal(Enumerable.Range(0, 10), s.Held());
    }

    [Fact]
    public void A_phase_that_keeps_everything_evicts_nothing()
    {
        using Sequence s = new Sequence(Plans.Decode(0.5, 1.0, Base.Prompt), 20, (_, _, p) => p).Prefill().Decode(15);
        Assert.False(s.Compressor.Decodes);
        Assert.Equal(25, s.Held().Length);
    }

    [Fact]
    public void State_lives_and_dies_with_its_key()
    {
        // Scores add up: after t steps key p has (t + 1) x p. Key 7 is worth most, is evicted by nothing; the others fall away.
        PolicyPlan plan = Plans.Decode(0.5, Budget.OfTokens(3), Base.Prompt);
        plan = plan with { HasState = true, Decode = plan.Decode! with { NeedsPrefillState = true } };
        using Sequence s = new Sequence(plan, 8, (_, _, p) => p == 7 ? 50 : p % 5).Prefill();
        Assert.Equal([2, 3, 4, 7], s.Held());
        s.Decode(4);
        // 10 and 11 arrive late: their sums are small. Key 7: prefill 50 + 4 x 50; key 4: 4 + 4 x 4; key 11: 1 once.
        Assert.Equal([4, 7, 11], s.Held());
        Assert.Equal([250f, 20f, 1f], s.Held().OrderByDescending(p => p == 7 ? 2 : p == 4 ? 1 : 0).Select(p => StateOf(s, p)));
    }

    [Theory]
    [InlineData(false, 0, 0)]
    [InlineData(true, 4, 0)]
    public void A_step_within_its_budget_runs_only_where_sums_go_on(bool sums, int scored, int evicted)
    {
        PolicyPlan plan = Plans.Decode(0.5, Budget.OfTokens(4), Base.Generated);
        plan = plan with { HasState = true, Decode = plan.Decode! with { NeedsPrefillState = sums } };
        using Sequence s = new Sequence(plan, 40, (_, _, p) => p).Prefill().Decode(4);
        Assert.Equal(24, s.Held().Length);
        Assert.Equal((scored, evicted), (Launches(s, ".Decode"), Launches(s, "Evict")));
        // The fifth is over it.
        s.Decode(1);
        Assert.Equal((scored + 1, evicted + 1), (Launches(s, ".Decode"), Launches(s, "Evict")));
        Assert.Equal(24, s.Held().Length);
    }

    private static long Launches(Sequence s, string pass) => s.Compressor.Kernels.Where(kernel => kernel.Name.EndsWith(pass, StringComparison.Ordinal)).Sum(kernel => kernel.Launches);

    private static float StateOf(Sequence s, int position)
    {
        int slot = Array.IndexOf(s.Slots(), position);
        return s.Cache.View(0, 12).State(0, slot / 32)[slot % 32];
    }

    [Fact]
    public void A_step_allocates_nothing()
    {
        using Sequence s = new Sequence(Plans.Decode(0.5, 0.5, Base.Prompt, sinks: 4, recent: 8), 150, (_, _, p) => p * 37 % 11, layers: 2, kvHeads: 2).Prefill();
        s.Decode(100);
        for (int layer = 0; layer < 2; layer++)
        {
            s.Cache.Reserve(layer, 1);
            for (int head = 0; head < 2; head++) s.Cache.Append(layer, head, [1, 1, 1, 1], [1, 1, 1, 1], 250);
        }

        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int layer = 0; layer < 2; layer++) s.Compressor.DecodeLayer(s.Cache.View(layer, 251));
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
        Assert.Equal(75, s.Cache.Held(1, 1));
    }
}
