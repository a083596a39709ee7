namespace KvPolicy.Gpu.Tests;

/// <summary>The GPU's compressor keeps what the host's keeps, for every unit, scope and base; where the reference data is at hand each launch also runs as PTX.</summary>
public sealed class CompressionTests
{
    // Few distinct scores: ties everywhere.
    private static float Coarse(Random random) => random.Next(-2, 3) / 2f;

    public static TheoryData<string> Shapes() => new(Plans.Keys);

    private static readonly Dictionary<string, Func<(PolicyPlan Plan, int Prompt, int[]? Shots)>> Plans = new()
    {
        ["tokens per head"] = () => (Prefill(0.3), 77, null),
        ["tokens, shared by the layer"] = () => (Prefill(0.5) with { Share = Scope.Layer }, 70, null),
        ["tokens, protected and pooled"] = () => (Prefill(Budget.OfTokens(20), pools: true) with { Sinks = 3, Recent = 9 }, 101, null),
        ["one token"] = () => (Prefill(Budget.OfTokens(1)), 33, null),
        ["nothing competes"] = () => (Prefill(Budget.OfTokens(10)) with { Sinks = 4, Recent = 64 }, 40, null),
        ["chunks"] = () => (Prefill(0.4, Unit.Chunk) with { Recent = 7, Share = Scope.Layer }, 96, null),
        ["chunks per head, pooled"] = () => (Prefill(0.35, Unit.Chunk, pools: true) with { Sinks = 2 }, 65, null),
        ["shots"] = () => (Prefill(0.5, Unit.Shot) with { Sinks = 4, Share = Scope.Layer }, 80, ShotsOf(80, 9)),
        ["shots per head, skipping, free outside"] = () => (Skipping(Prefill(0.5, Unit.Shot)), 90, ShotsOf(90, 13)),
        ["shots of the model"] = () => (Prefill(0.5, Unit.Shot) with { Share = Scope.Model }, 66, ShotsOf(66, 11)),
        ["decode within the prompt's budget"] = () => (Decode(0.5, Base.Prompt) with { Sinks = 3, Recent = 5 }, 40, null),
        ["decode what was generated"] = () => (Decode(0.5, Base.Generated) with { Share = Scope.Layer, Sinks = 2 }, 36, null),
        ["decode all"] = () => (Decode(0.4, Base.All) with { Recent = -1, RecentShare = 0.5m }, 50, null),
        ["decode with state, newest competes"] = () => (Newest(Decode(0.4, Base.Prompt)) with { HasState = true }, 44, null),
        ["sinks above the budget"] = () => (Decode(Budget.OfTokens(3), Base.Prompt) with { Sinks = 6 }, 20, null),
        ["first step drops many"] = () => (Late(Decode(Budget.OfTokens(9), Base.Prompt)) with { Sinks = 2 }, 45, null),
    };

    [Theory, MemberData(nameof(Shapes))]
    public void Keeps_what_the_host_keeps(string shape)
    {
        (PolicyPlan plan, int prompt, int[]? shots) = Plans[shape]();
        for (int seed = 1; seed <= 2; seed++)
        {
            using var twin = new Twin(plan, prompt, seed, layers: 2, kvHeads: 2, shots, seed == 1 ? null : Coarse);
            twin.Prefill().Check();
            if (plan.Decode is not null) twin.Decode(6);
            Assert.Equal(twin.HostCompressor.Kernels, twin.GpuCompressor.Kernels.Where(kernel => kernel.Name != "Units"));
        }
    }

    [SkippableTheory, MemberData(nameof(Shapes))]
    public void Its_kernels_agree_as_PTX(string shape)
    {
#if PTX_EMULATOR
        (PolicyPlan plan, int prompt, int[]? shots) = Plans[shape]();
        using var twin = new Twin(plan, prompt, 3, layers: 1, kvHeads: 2, shots, Coarse);
        using (var replay = new PtxReplay())
        {
            twin.Prefill();
            if (plan.Decode is not null) twin.Decode(3);
            Assert.Contains(replay.Launches, launch => launch.Key is "Compact" or "Evict");
        }

        twin.Check();
#else
        Skip.If(true, $"{shape}: the folder 'shared' beside the repository, with the PTX interpreter, is absent.");
#endif
    }

    [Theory]
    [InlineData("tokens per head", 17)]
    [InlineData("tokens, protected and pooled", 40)]
    [InlineData("chunks", 32)]
    [InlineData("shots", 23)]
    [InlineData("shots per head, skipping, free outside", 31)]
    [InlineData("shots of the model", 20)]
    public void Keeps_what_the_host_keeps_chunk_by_chunk(string shape, int chunk)
    {
        (PolicyPlan plan, int prompt, int[]? shots) = Plans[shape]();
        using var twin = new Twin(plan, prompt, 7, layers: 2, kvHeads: 2, shots);
        twin.PrefillChunks(chunk).Check();
    }

    private static PolicyPlan Prefill(Budget keep, Unit unit = Unit.Token, bool pools = false)
        => new() { Name = "Scripted", Prefill = new() { Budget = keep, Unit = unit, Chunk = 10, Pools = pools } };

    private static PolicyPlan Decode(Budget keep, Base of) => Prefill(keep) with { Decode = new() { Budget = keep, Of = of } };

    private static PolicyPlan Skipping(PolicyPlan plan) => plan with { Prefill = plan.Prefill! with { Packing = Packing.Skip, Outside = Outside.KeepFree } };

    private static PolicyPlan Newest(PolicyPlan plan) => plan with { Decode = plan.Decode! with { ProtectNewest = false, NeedsPrefillState = true } };

    private static PolicyPlan Late(PolicyPlan plan) => plan with { Prefill = plan.Prefill! with { Budget = 1 } };

    // Shots of growing length with a token outside between them.
    private static int[] ShotsOf(int prompt, int first)
    {
        var shots = new int[prompt];
        for (int p = 0, shot = -1, left = 0; p < prompt; p++, left--)
        {
            if (left < 0) left = first + 2 * ++shot;
            shots[p] = left == 0 || p >= prompt - 5 ? -1 : shot;
        }

        return shots;
    }
}
