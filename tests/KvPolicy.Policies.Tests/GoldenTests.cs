using System.Globalization;
using System.Text.Json;

namespace KvPolicy.Policies.Tests;

/// <summary>Policies on the tensors of the reference data: scores and kept sets that other programs computed.</summary>
public class GoldenTests
{
    private const double ScoreError = 4e-6;
    private const double NearTie = 5e-6;
    private static readonly string[] CaseNames = ["raw-p1", "raw-p2", "raw-p3", "raw-p4", "raw-p5", "raw-p6", "real-p"];
    private static readonly string[] Ratios = ["0.5", "0.25", "0.1"];

    // Policy, entry, settings that make the policy that variant.
    public static TheoryData<string, string, string> Scored => new()
    {
        { "KeyNorm", "knorm", "" },
        { "SnapKv", "snapkv.w64k5", "window=64 pool=5 recent=64" },
        { "SnapKv", "snapkv.w32k7", "window=32 pool=7 recent=32" },
        { "SnapKv", "snapkv.w16k5", "window=16 pool=5 recent=16" },
        { "SnapKv", "snapkv.w16k3", "window=16 pool=3 recent=16" },
        { "SnapKv", "snapkv.w4k5", "window=4 pool=5 recent=4" },
        { "StreamingLlm", "streamingllm.s4", "sinks=4" },
        { "H2O", "h2o.sum", "" },
        { "ChunkKv", "chunkkv.prefix", "chunk=10 window=16 recent=16" },
    };

    public static TheoryData<string, string, string> ShotVariants
    {
        get
        {
            var data = new TheoryData<string, string, string>();
            foreach (string rows in new[] { "all", "last64" })
            {
                foreach (string counted in new[] { "whole", "shots" })
                {
                    foreach (string packing in new[] { "stop", "skip" }) data.Add(rows, counted, packing);
                }
            }

            return data;
        }
    }

    [SkippableTheory]
    [MemberData(nameof(Scored))]
    public void Scores_and_kept_sets(string policy, string entryName, string values)
    {
        int sets = 0, scores = 0;
        foreach (string name in CaseNames)
        {
            var golden = new Golden(name);
            if (golden.Entry(entryName) is not { } entry) continue;
            foreach (string ratio in Ratios)
            {
                int[][] expected = golden.Kept(entryName, ratio);
                if (expected.Length == 0 || !entry.GetProperty("ratios").TryGetProperty(ratio, out JsonElement facts) || !IsDecided(facts)) continue;
                TensorScores actual = Run(policy, golden.Input, Budget.OfTokens(TokensOf(facts)), values);
                AssertKept(golden, expected, actual.Kept, $"{name} {entryName}@{ratio}");
                sets++;
                scores += AssertScores(golden, entry, entryName, actual);
            }
        }

        Assert.True(sets >= 5, $"{sets} sets and {scores} scores were compared");
        if (policy is not ("StreamingLlm" or "ChunkKv")) Assert.True(scores > 1000, $"{scores} scores were compared");
    }

    [SkippableTheory]
    [MemberData(nameof(ShotVariants))]
    public void Shots(string rows, string counted, string packing)
    {
        int sets = 0;
        foreach (string name in CaseNames)
        {
            var golden = new Golden(name);
            foreach (string ratio in Ratios)
            {
                int[][] expected = golden.Kept($"shotkv.{rows}.{counted}.{packing}", ratio);
                if (expected.Length == 0) continue;
                TensorScores actual = Run("ShotKv", golden.Input, Ratio(ratio), ShotValues(rows, counted, packing));
                AssertKept(golden, expected, actual.Kept, $"{name} shotkv.{rows}.{counted}.{packing}@{ratio}");
                sets++;
                if (rows != "all") continue;
                float[] shotScores = golden.Read<float>("shotkv.all.shotscores");
                int[] shots = golden.Read<int>("shots");
                for (int p = 0; p < golden.Length; p++)
                {
                    if (shots[p] >= 0) Assert.Equal(0, (actual.Scores[p] - shotScores[shots[p]]) / shotScores.Max(), ScoreError);
                    else Assert.True(float.IsNaN(actual.Scores[p]));
                }
            }
        }

        Assert.True(sets >= 10, $"{sets} sets were compared");
    }

    [SkippableTheory]
    [InlineData("KeyNorm", "knorm", "", "0.5 0.25 0.1")]
    [InlineData("SnapKv", "snapkv.w16k5", "window=16 pool=5 recent=16", "0.5 0.25")]
    [InlineData("ShotKv", "shotkv.all.per_layer.skip", "outside=free packing=skip sinks=0", "0.5 0.25")]
    [InlineData("ShotKv", "shotkv.all.global.skip", "outside=free packing=skip sinks=0 scope=model", "0.5 0.25")]
    [InlineData("ShotKv", "shotkv.last64.global.stop", "outside=free packing=stop sinks=0 scope=model rows=64", "0.5 0.25")]
    public void Four_layers(string policy, string entryName, string values, string ratios)
    {
        var golden = new Golden("layers-p");
        foreach (string ratio in ratios.Split(' '))
        {
            JsonElement? withBudget = golden.Entries(entryName).Where(e => e.GetProperty("name").GetString() == entryName && e.TryGetProperty("k", out _)).Select(e => (JsonElement?)e).FirstOrDefault();
            Budget keep = withBudget is { } entry ? Budget.OfTokens(entry.GetProperty("k").GetProperty(ratio).GetInt32()) : Ratio(ratio);
            AssertKept(golden, golden.Kept(entryName, ratio), Run(policy, golden.Input, keep, values).Kept, $"{entryName}@{ratio}");
        }
    }

    [SkippableFact]
    public void H2O_after_every_decode_step()
        => Decode("H2O", "h2o.decode.", (p, _) => (new() { Keep = Budget.OfTokens(p.GetProperty("heavy").GetInt32() + p.GetProperty("recent").GetInt32()) }, $"recent={p.GetProperty("recent").GetInt32()}"));

    [SkippableFact]
    public void ShotKv_after_every_decode_step()
        => Decode("ShotKv", "shotkv.decode.", (p, name) => (
            new() { Keep = name.Contains("shot0.5", StringComparison.Ordinal) ? 0.5 : 1.0, DecodeKeep = p.GetProperty("r_d").GetDouble() },
            ShotValues("all", "shots", "skip") + (name.EndsWith("newest", StringComparison.Ordinal) ? " newest=1" : " newest=0")));

    private static void Decode(string policy, string beginning, Func<JsonElement, string, (PolicySettings, string)> settingsOf)
    {
        int runs = 0;
        foreach (string name in CaseNames)
        {
            var golden = new Golden(name);
            foreach (JsonElement entry in golden.Entries(beginning))
            {
                if (entry.TryGetProperty("min_relative_margin", out JsonElement margin) && margin.GetDouble() < NearTie) continue;
                string entryName = entry.GetProperty("name").GetString()!;
                int steps = entry.GetProperty("parameters").GetProperty("steps").GetInt32();
                (PolicySettings settings, string values) = settingsOf(entry.GetProperty("parameters"), entryName);
                TensorScores actual = TensorScorer.Run(Create(policy, settings, values), golden.Input, steps);
                AssertSteps(golden, entryName, steps, actual.KeptSteps);
                runs++;
            }
        }

        Assert.True(runs >= 5, $"{runs} runs were compared");
    }

    private static void AssertSteps(Golden golden, string entryName, int steps, byte[] keptSteps)
    {
        // Either masks of the decoded tokens, or positions with a first block for the prefill.
        bool masks = golden.Has(entryName + ".keptmask");
        int[][] expected = masks
            ? [.. golden.Rows<byte>(entryName + ".keptmask").Select(row => Enumerable.Range(0, row.Length).Where(i => row[i] != 0).Select(i => golden.Length - steps + i).ToArray())]
            : golden.Rows<int>(entryName + ".kept");
        if (!masks) expected = expected[(expected.Length / (steps + 1))..];
        int rowsPerStep = expected.Length / steps;
        for (int step = 0; step < steps; step++)
        {
            for (int head = 0; head < golden.KvHeads; head++)
            {
                int[] kept = Positions(keptSteps.AsSpan((step * golden.KvHeads + head) * golden.Length, golden.Length));
                if (masks) kept = [.. kept.Where(p => p >= golden.Length - steps)];
                int[] wanted = expected[step * rowsPerStep + head % rowsPerStep];
                Assert.True(wanted.Order().SequenceEqual(kept), $"{entryName}, step {step + 1}, head {head}: kept {string.Join(" ", kept)}, expected {string.Join(" ", wanted)}");
            }
        }
    }

    private static void AssertKept(Golden golden, int[][] expected, byte[] kept, string what)
    {
        int rows = golden.Layers * golden.KvHeads;
        Assert.True(expected.Length > 0, what + " is not in the reference data");
        for (int row = 0; row < rows; row++)
        {
            int[] actual = Positions(kept.AsSpan(row * golden.Length, golden.Length));
            // One row for each head, for each layer, or for all.
            int[] wanted = expected[row / (rows / expected.Length)];
            Assert.True(wanted.Order().SequenceEqual(actual), $"{what}, row {row}: {wanted.Except(actual).Count()} missing, {actual.Except(wanted).Count()} too many");
        }
    }

    private static int AssertScores(Golden golden, JsonElement entry, string name, TensorScores actual)
    {
        if (!golden.Has(name + ".scores")) return 0;
        float[][] expected = golden.Rows<float>(name + ".scores");
        int first = Filler(entry, "first"), end = expected[0].Length - (expected[0].Length == golden.Length ? Filler(entry, "last") : 0), compared = 0;
        double largest = expected.Max(row => row[first..end].Max(Math.Abs));
        for (int head = 0; head < golden.KvHeads; head++)
        {
            for (int p = first; p < end; p++, compared++)
                Assert.Equal(0, (actual.Scores[head * golden.Length + p] - expected[head][p]) / largest, ScoreError);
        }

        return compared;
    }

    private static int Filler(JsonElement entry, string side)
        => entry.TryGetProperty("filler", out JsonElement filler) && filler.TryGetProperty(side, out JsonElement count) ? count.GetInt32() : 0;

    private static bool IsDecided(JsonElement facts)
        => !IsTrue(facts, "tie_at_boundary") && !IsTrue(facts, "forced_not_below_k") && !(facts.TryGetProperty("min_relative_margin", out JsonElement margin) && margin.GetDouble() < NearTie);

    private static bool IsTrue(JsonElement facts, string name) => facts.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.True;

    private static int TokensOf(JsonElement facts) => (facts.TryGetProperty("k", out JsonElement k) ? k : facts.GetProperty("Lmax")).GetInt32();

    private static int[] Positions(ReadOnlySpan<byte> mask)
    {
        var positions = new List<int>();
        for (int p = 0; p < mask.Length; p++)
        {
            if (mask[p] != 0) positions.Add(p);
        }

        return [.. positions];
    }

    private static string ShotValues(string rows, string counted, string packing)
        => $"rows={(rows == "all" ? "all" : "64")} outside={(counted == "whole" ? "count" : "free")} packing={packing} sinks=0";

    private static Budget Ratio(string ratio) => Budget.OfRatio(decimal.Parse(ratio, CultureInfo.InvariantCulture));

    private static TensorScores Run(string policy, TensorInput input, Budget keep, string values)
        => TensorScorer.Run(Create(policy, new() { Keep = keep }, values), input);

    private static IKvPolicy Create(string policy, PolicySettings settings, string values)
        => Catalog.All.Single(info => info.Name == policy).Create(settings with
        {
            Values = values.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(pair => pair.Split('=')).ToDictionary(pair => pair[0], pair => pair[1]),
        });
}
