using KvPolicy.Cli.Verification.Oracles;

namespace KvPolicy.Policies.Tests;

/// <summary>The comparison with the references sees every one of these faults: otherwise its silence would mean nothing.</summary>
public class PlantedFaultTests
{
    private static readonly Dictionary<string, Func<PolicyPlan, PolicyPlan>> PlanFaults = new()
    {
        ["keeps everything"] = plan => After(plan, prefill => prefill with { Budget = 1.0 }),
        ["one token too many"] = plan => After(plan, prefill => prefill with { Budget = More(prefill.Budget) }),
        ["a window one row short"] = plan => After(plan, prefill => prefill with { Rows = prefill.Rows == int.MaxValue ? 5 : Math.Max(prefill.Rows - 1, 1) }),
        ["no pooling"] = plan => After(plan, prefill => prefill with { Pools = false }),
        ["one recent token fewer"] = plan => plan with { Recent = plan.Recent < 0 ? 3 : Math.Max(plan.Recent - 1, 0) },
        ["one sink more"] = plan => plan with { Sinks = plan.Sinks + 1 },
        ["a chunk one token longer"] = plan => After(plan, prefill => prefill with { Chunk = prefill.Chunk + 1 }),
        ["the other packing"] = plan => After(plan, prefill => prefill with { Packing = 1 - prefill.Packing }),
        ["the other accounting"] = plan => After(plan, prefill => prefill with { Outside = 1 - prefill.Outside }),
        ["each layer for itself"] = plan => plan.Share == Scope.Model ? plan with { Share = Scope.Layer } : plan,
        ["nothing evicted while decoding"] = plan => plan with { Decode = null },
        ["the newest token protected the other way"] = plan => During(plan, decode => decode with { ProtectNewest = !decode.ProtectNewest }),
        ["the decode budget of all tokens"] = plan => During(plan, decode => decode with { Of = Base.All }),
    };

    private static readonly Dictionary<string, LayerFault> LayerFaults = new()
    {
        ["a mask one position off"] = layer => layer with { FirstRowPosition = layer.FirstRowPosition + 1 },
        ["the last row lost"] = layer => layer.Rows > 1 ? layer with { Rows = layer.Rows - 1, LogSumExpStride = layer.Rows } : layer,
        ["another layer's draw"] = layer => layer with { Layer = layer.Layer + 1 },
        ["shots lost"] = layer => layer with { ShotsOf = 0 },
        ["the last token of no shot"] = layer => layer with { ShotsOf = Math.Max(layer.ShotsOf - 1, 0) },
    };

    public static TheoryData<string, string> Planted => new()
    {
        { "KeyNorm", "keeps everything" }, { "KeyNorm", "one token too many" }, { "KeyNorm", "one sink more" }, { "KeyNorm", "one recent token fewer" },
        { "SnapKv", "keeps everything" }, { "SnapKv", "one token too many" }, { "SnapKv", "a window one row short" }, { "SnapKv", "no pooling" },
        { "SnapKv", "one recent token fewer" }, { "SnapKv", "one sink more" }, { "SnapKv", "a mask one position off" }, { "SnapKv", "the last row lost" },
        { "H2O", "one token too many" }, { "H2O", "a window one row short" }, { "H2O", "one recent token fewer" }, { "H2O", "a mask one position off" },
        { "H2O", "the last row lost" }, { "H2O", "nothing evicted while decoding" }, { "H2O", "the newest token protected the other way" }, { "H2O", "the decode budget of all tokens" },
        { "StreamingLlm", "one sink more" }, { "StreamingLlm", "one token too many" }, { "StreamingLlm", "nothing evicted while decoding" },
        { "StreamingLlm", "the decode budget of all tokens" },
        { "ChunkKv", "one token too many" }, { "ChunkKv", "a chunk one token longer" }, { "ChunkKv", "a window one row short" }, { "ChunkKv", "one recent token fewer" },
        { "ChunkKv", "a mask one position off" }, { "ChunkKv", "the last row lost" },
        { "ShotKv", "keeps everything" }, { "ShotKv", "the other packing" }, { "ShotKv", "the other accounting" }, { "ShotKv", "one sink more" },
        { "ShotKv", "each layer for itself" }, { "ShotKv", "a mask one position off" }, { "ShotKv", "nothing evicted while decoding" },
        { "ShotKv", "the newest token protected the other way" }, { "ShotKv", "the decode budget of all tokens" },
        { "RandomTokens", "one token too many" }, { "RandomTokens", "one sink more" }, { "RandomTokens", "another layer's draw" },
        { "RandomShots", "keeps everything" }, { "RandomShots", "the other packing" }, { "RandomShots", "the other accounting" }, { "RandomShots", "one sink more" },
        { "RandomShots", "shots lost" }, { "RandomShots", "the last token of no shot" },
    };

    [Theory]
    [MemberData(nameof(Planted))]
    public void Is_seen(string policy, string fault)
    {
        PolicyInfo info = Catalog.All.Single(p => p.Name == policy);
        using var workers = new WorkerPool(2);
        for (int seed = 2; seed < 200; seed++)
        {
            Case c = Cases.Of(policy, seed);
            if (c.Input.Length > 100) continue;
            IKvPolicy right = info.Create(c.Settings);
            var faulty = new FaultyPolicy(right, PlanFaults.GetValueOrDefault(fault), LayerFaults.GetValueOrDefault(fault));
            TensorScores actual = TensorScorer.Run(faulty, c.Input, c.DecodeSteps, workers);
            if (OracleComparison.Compare(DoubleReference.For(policy)!, info, c.Settings, c.Input, c.DecodeSteps, actual).Differences.Count > 0) return;
        }

        Assert.Fail($"{policy}: {fault} went unseen");
    }

    [Fact]
    public void A_wrapped_policy_without_a_fault_is_the_policy()
    {
        PolicyInfo info = Catalog.All.Single(p => p.Name == "SnapKv");
        Case c = Cases.Of("SnapKv", 12);
        TensorScores actual = TensorScorer.Run(new FaultyPolicy(info.Create(c.Settings), layer: layer => layer), c.Input, c.DecodeSteps);
        Assert.Empty(OracleComparison.Compare(DoubleReference.For("SnapKv")!, info, c.Settings, c.Input, c.DecodeSteps, actual).Differences);
    }

    private static PolicyPlan After(PolicyPlan plan, Func<PrefillPlan, PrefillPlan> change) => plan.Prefill is { } prefill ? plan with { Prefill = change(prefill) } : plan;

    private static PolicyPlan During(PolicyPlan plan, Func<DecodePlan, DecodePlan> change) => plan.Decode is { } decode ? plan with { Decode = change(decode) } : plan;

    private static Budget More(Budget budget) => budget.IsTokens ? Budget.OfTokens(budget.Tokens + 1) : Budget.OfRatio(Math.Min(1m, budget.Ratio + 0.04m));
}
