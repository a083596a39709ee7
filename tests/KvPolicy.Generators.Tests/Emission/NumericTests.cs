using KvPolicy.Generators.Tests.Policies;
using KvPolicy.Generators.Tests.Support;
using HostilePolicy = KvPolicy.Generators.Tests.Policies.Hostile.HostilePolicy;

namespace KvPolicy.Generators.Tests.Emission;

/// <summary>
/// Generated host code and kernels against the formulas, written out here in double precision: signals, rows, heads, state, visibility, in
/// combinations that no shipped policy has.
/// </summary>
public class NumericTests
{
    // Relative to the largest score: sums of up to 4,000 floats.
    private const double Tolerance = 4e-6;

    public static TheoryData<LayerShape> Shapes => new()
    {
        new LayerShape(1, 1, 1, 8, 1, 0),
        new LayerShape(34, 4, 2, 6, 17, 0) { Simulated = true },
        new LayerShape(20, 2, 1, 36, 9, 5) { Simulated = true },
        new LayerShape(37, 4, 2, 16, 37, 0),
        new LayerShape(45, 3, 1, 36, 40, 9),
        new LayerShape(70, 4, 4, 6, 3, 0),
        new LayerShape(33, 6, 2, 20, 33, 5),
        new LayerShape(64, 2, 1, 64, 20, 0),
        new LayerShape(130, 9, 3, 33, 130, 32),
    };

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Every_signal_for_each_head(LayerShape shape)
    {
        double Score(LayerFixture f, int head, int key, double attention) => (attention * 100) + Norm(f.Keys[head, key]) - (Norm(f.Values[head, key]) * 0.25) + (key / (double)shape.Tokens) + Placed(head, key);
        double Placed(int head, int key) => ((double)LayerShape.Layer / LayerShape.Layers) + (2 * head) + DrawReference.Number(5, LayerShape.Layer, head, key);
        Check(
            new EverySignal { Beta = 0.25f, Seed = 5 }, shape,
            (f, head, key) => Score(f, head, key, Over(Group(f, head), q => Window(f, q, key, 5), mean: true) / Math.Min(5, shape.Rows)),
            (f, head, key) => Score(f, head, key, Over(Group(f, head), q => Step(f, q, key), mean: true)));
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Sums_over_a_layer(LayerShape shape)
    {
        double Norms(LayerFixture f, int key) => Over(KvHeads(f), h => Norm(f.Keys[h, key]) - Norm(f.Values[h, key]), mean: false);
        Check(
            new LayerSum(), shape,
            (f, _, key) => Over(QueryHeads(f), q => Window(f, q, key, 40), mean: false) + Norms(f, key) + (key / 100.0),
            (f, _, key) => Over(QueryHeads(f), q => Window(f, q, key, shape.Rows) + Step(f, q, key), mean: false) + Norms(f, key));
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Numbers_of_shots_and_tokens(LayerShape shape) => Check(
        new Drawing { Seed = 2147483647 }, shape,
        (f, _, key) => DrawReference.Number(2147483647, LayerShape.Layer, 0, f.Shots[key]),
        (_, _, key) => DrawReference.Number(2147483647, 0, 0, key));

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Numbers_of_a_layer(LayerShape shape) => Check(
        new LayerDrawing(), shape,
        (f, _, key) => DrawReference.Number(0, 0, 0, f.Shots[key]),
        (_, _, key) => DrawReference.Number(0, LayerShape.Layer, 0, key));

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Means_over_a_layer_and_over_queries(LayerShape shape)
    {
        double Norms(LayerFixture f, int key) => Over(KvHeads(f), h => Norm(f.Keys[h, key]) - Norm(f.Values[h, key]), mean: true);
        Check(
            new LayerMean(), shape,
            (f, _, key) => (Over(QueryHeads(f), q => Window(f, q, key, shape.Rows), mean: true) / shape.Tokens * 10) + Norms(f, key),
            (f, _, key) => (Over(QueryHeads(f), q => Window(f, q, key, shape.Rows) + Step(f, q, key), mean: true) / shape.Tokens * 10) + Norms(f, key));
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Fewer_rows_than_all_need_no_state(LayerShape shape)
    {
        var policy = (RowsOrAll)RowsOrAll.Info.Create(new PolicySettings { Values = new Dictionary<string, string> { ["rows"] = "7" } });
        Assert.False(policy.Plan.HasState);
        Assert.Equal(7, policy.Plan.Prefill!.Rows);
        Check(
            policy, shape,
            (f, head, key) => Over(Group(f, head), q => Window(f, q, key, 7), mean: true) / Math.Min(7, shape.Rows),
            null);
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void A_window_and_a_sum_in_one_pass(LayerShape shape) => Check(
        new WindowThenSum(), shape,
        (f, head, key) => Over(Group(f, head), q => Window(f, q, key, 3), mean: true) / Math.Min(3, shape.Rows),
        (f, head, key) => Over(Group(f, head), q => Window(f, q, key, shape.Rows) + Step(f, q, key), mean: true));

    [Theory]
    [MemberData(nameof(Shapes))]
    public void A_sum_that_only_decoding_reads(LayerShape shape) => Check(
        new SumWhileDecoding(), shape,
        (_, _, _) => 0,
        (f, head, key) => Over(Group(f, head), q => Window(f, q, key, shape.Rows) + Step(f, q, key), mean: true));

    [Theory]
    [MemberData(nameof(Shapes))]
    public void A_policy_among_types_of_the_same_names(LayerShape shape) => Check(
        new HostilePolicy(), shape, (f, head, key) => Over(Group(f, head), q => Window(f, q, key, 4), mean: true) / Math.Min(4, shape.Rows), null);

    [Fact]
    public void State_goes_on_from_call_to_call()
    {
        using var fixture = new LayerFixture(new LayerShape(40, 4, 2, 8, 40, 0), 3);
        (float[] once, _) = HostRun.Run(new RowsOrAll(), fixture);
        (float[] twice, _) = HostRun.Run(new RowsOrAll(), fixture);
        for (int i = 0; i < once.Length; i++) Assert.Equal(2 * once[i], twice[i], 4);
    }

    private static void Check(IKvPolicy policy, LayerShape shape, Func<LayerFixture, int, int, double> prefill, Func<LayerFixture, int, int, double>? decode)
    {
        using var fixture = new LayerFixture(shape, seed: 17);
        (float[] Prefill, float[] Decode) host = HostRun.Run(policy, fixture);
        Compare("host, prefill", host.Prefill, prefill);
        if (decode is not null) Compare("host, decode", host.Decode, decode);

        if (!shape.Simulated) return;
        using var fresh = new LayerFixture(shape, seed: 17);
        (float[] Prefill, float[] Decode) kernels = SimulatorRun.Run(policy, fresh);
        Compare("kernels, prefill", kernels.Prefill, prefill);
        if (decode is not null) Compare("kernels, decode", kernels.Decode, decode);

        void Compare(string what, float[] scores, Func<LayerFixture, int, int, double> reference)
        {
            int heads = scores.Length / shape.Stride;
            double[] wanted = [.. Enumerable.Range(0, heads * shape.Tokens).Select(i => reference(fixture, i / shape.Tokens, i % shape.Tokens))];
            double largest = Math.Max(1e-6, wanted.Max(Math.Abs));
            for (int i = 0; i < wanted.Length; i++)
            {
                double error = Math.Abs(scores[(i / shape.Tokens * shape.Stride) + (i % shape.Tokens)] - wanted[i]) / largest;
                Assert.True(error <= Tolerance, $"{what}: head {i / shape.Tokens}, key {i % shape.Tokens}: {error:e1} of the largest, allowed {Tolerance:e0}");
            }
        }
    }

    /// <summary>Attention that a key gets from the last n rows of a query head.</summary>
    private static double Window(LayerFixture f, int head, int key, int n)
    {
        double sum = 0;
        for (int row = Math.Max(0, f.Shape.Rows - n); row < f.Shape.Rows; row++) sum += f.Attention[head, row, key];
        return sum;
    }

    private static double Step(LayerFixture f, int head, int key) => f.Probabilities[(head * f.Shape.Stride) + key];

    private static double Norm(float[] vector) => Math.Sqrt(vector.Sum(x => (double)x * x));

    private static IEnumerable<int> Group(LayerFixture f, int head) => Enumerable.Range(head * f.Shape.Group, f.Shape.Group);

    private static IEnumerable<int> QueryHeads(LayerFixture f) => Enumerable.Range(0, f.Shape.QueryHeads);

    private static IEnumerable<int> KvHeads(LayerFixture f) => Enumerable.Range(0, f.Shape.KvHeads);

    private static double Over(IEnumerable<int> heads, Func<int, double> value, bool mean) => mean ? heads.Average(value) : heads.Sum(value);
}
