namespace KvPolicy.Runtime.Tests;

public class ShotTests
{
    // Tokens 0..1 outside; shots 0: 2..6 (5), 1: 7..16 (10), 2: 17..20 (4), 3: 21..23 (3); 24..29 outside (8 outside, 22 in shots).
    private static readonly int[] Shots = [-1, -1, .. Enumerable.Repeat(0, 5), .. Enumerable.Repeat(1, 10), .. Enumerable.Repeat(2, 4), .. Enumerable.Repeat(3, 3), .. Enumerable.Repeat(-1, 6)];

    private static Sequence Run(PolicyPlan plan, float[] worth, IReadOnlyList<int>? shots = null, int layers = 1, Func<int, int, float>? score = null)
        => new Sequence(plan, (shots ?? Shots).Count, (layer, _, p) => score?.Invoke(layer, p) ?? ((shots ?? Shots)[p] is >= 0 and var shot ? worth[shot % worth.Length] : 99), layers, 2, shots ?? Shots).Prefill();

    private static int[] ShotsOf(Sequence s, int layer = 0) => [.. s.Slots(layer).Select(p => Shots[p]).Where(shot => shot >= 0).Distinct()];

    [Theory]
    [InlineData(20, Packing.Stop, new[] { 0 })]       // 12 left: 5 fit, then 10 do not
    [InlineData(20, Packing.Skip, new[] { 0, 2, 3 })] // ... passed over: 4 and 3 fit
    [InlineData(23, Packing.Stop, new[] { 0, 1 })]    // 15 left: 5 + 10 exactly
    [InlineData(12, Packing.Skip, new[] { 2 })]       // 4 left
    [InlineData(9, Packing.Skip, new int[0])]         // 1 left: nothing may stay
    [InlineData(3, Packing.Stop, new int[0])]         // less than what stays anyway
    public void Outside_tokens_count(int k, Packing packing, int[] expected)
    {
        using Sequence s = Run(Plans.Shots(Budget.OfTokens(k), Outside.KeepAndCount, packing), [9, 8, 7, 6]);
        Assert.Equal(expected, ShotsOf(s));
        Assert.Equal(8, s.Slots().Count(p => Shots[p] < 0));
        Assert.Equal(s.Slots(), s.Slots(0, 1));
    }

    [Theory]
    [InlineData("0.5", Packing.Stop, new[] { 0 })]      // floor(0.5 x 22) = 11: 5 fit, 10 do not
    [InlineData("0.5", Packing.Skip, new[] { 0, 2 })]   // 11 - 5 - 4 = 2 left
    [InlineData("0.55", Packing.Skip, new[] { 0, 2, 3 })] // 12
    [InlineData("0.7", Packing.Stop, new[] { 0, 1 })]   // 15
    public void Outside_tokens_are_free(string keep, Packing packing, int[] expected)
    {
        using Sequence s = Run(Plans.Shots(Budget.OfRatio(decimal.Parse(keep, System.Globalization.CultureInfo.InvariantCulture)), Outside.KeepFree, packing), [9, 8, 7, 6]);
        Assert.Equal(expected, ShotsOf(s));
    }

    [Fact]
    public void A_fraction_counts_floor_of_the_whole_prompt()
    {
        // floor(0.55 x 30) = 16, less 8 outside: 8 for shots; 5 + 3.
        using Sequence s = Run(Plans.Shots(0.55, packing: Packing.Skip), [9, 8, 7, 6]);
        Assert.Equal([0, 3], ShotsOf(s));
    }

    [Fact]
    public void Equal_scores_the_lower_shot()
    {
        using Sequence s = Run(Plans.Shots(Budget.OfTokens(13)), [1, 0, 1, 1]);
        Assert.Equal([0], ShotsOf(s));
    }

    [Fact]
    public void A_mean_decides_not_a_sum()
    {
        using Sequence s = Run(Plans.Shots(Budget.OfTokens(11), packing: Packing.Skip), [1, 1, 1, 2]);
        Assert.Equal([3], ShotsOf(s));
    }

    [Fact]
    public void Sinks_inside_a_shot_stay_are_paid_first_and_make_it_cheaper()
    {
        // Shot 0 has 4 tokens, 0..3; two of them are sinks. k = 6: outside 2 -> 4 left, sinks 2 -> 2 left: shot 0 costs 2 and fits.
        int[] shots = [0, 0, 0, 0, 1, 1, 1, 1, -1, -1];
        using (Sequence s = Run(Plans.Shots(Budget.OfTokens(6), sinks: 2), [5, 1], shots)) Assert.Equal([0, 1, 2, 3, 8, 9], s.Slots());
        // Where the other shot is better, it does not fit beside the sinks, which stay alone.
        using (Sequence s = Run(Plans.Shots(Budget.OfTokens(6), sinks: 2), [1, 5], shots)) Assert.Equal([0, 1, 8, 9], s.Slots());
    }

    [Fact]
    public void Sinks_never_exceed_the_budget()
    {
        int[] shots = [0, 0, 0, 0, 1, 1, 1, 1, 1, 1];
        using Sequence s = Run(Plans.Shots(Budget.OfTokens(2), sinks: 4), [1, 5], shots);
        Assert.Equal([0, 1], s.Slots());
    }

    [Fact]
    public void A_prompt_without_shots_is_kept_whole_and_says_so()
    {
        using Sequence s = new Sequence(Plans.Shots(0.1), 50, (_, _, p) => p).Prefill();
        Assert.Equal(50, s.Slots().Length);
        Assert.Contains("no shots", Assert.Single(s.Compressor.Notes), StringComparison.Ordinal);
        Assert.Empty(s.Compressor.Kernels);
    }

    [Fact]
    public void Numbers_may_have_gaps_and_a_shot_may_lie_in_two_places()
    {
        int[] shots = [7, 7, 900, 900, -5, 7, 900];
        using Sequence s = new Sequence(Plans.Shots(Budget.OfTokens(4)), 7, (_, _, p) => shots[p] == 7 ? 2 : 1, shots: shots).Prefill();
        Assert.Equal([0, 1, 4, 5], s.Slots());
    }

    [Fact]
    public void The_model_has_one_set_chosen_by_the_sum_over_layers()
    {
        // Layer 0 likes shot 0, layer 1 likes shot 3 twice as much.
        static float Score(int layer, int p) => layer == 0 ? (Shots[p] == 0 ? 1 : 0) : (Shots[p] == 3 ? 2 : 0);
        using (Sequence s = Run(Plans.Shots(Budget.OfTokens(13), share: Scope.Model), [0], layers: 2, score: Score))
        {
            Assert.Equal([3], ShotsOf(s, 0));
            Assert.Equal([3], ShotsOf(s, 1));
        }

        using Sequence each = Run(Plans.Shots(Budget.OfTokens(13)), [0], layers: 2, score: Score);
        Assert.Equal([0], ShotsOf(each, 0));
        Assert.Equal([3], ShotsOf(each, 1));
    }

    [Fact]
    public void Shot_numbers_must_be_one_a_token()
        => Assert.Contains("3 shot numbers for 5 tokens", Assert.Throws<ArgumentException>(() => new Sequence(Plans.Shots(0.5), 5, (_, _, _) => 0, shots: [0, 0, 1])).Message, StringComparison.Ordinal);
}
