using KvPolicy.Generators.Tests.Policies;
using KvPolicy.Policies;

namespace KvPolicy.Generators.Tests.Settings;

/// <summary>Instances made from settings: what a policy takes, what it refuses, and how it says so.</summary>
public class CreationTests
{
    public static IEnumerable<object[]> Policies => Catalog.All.Select(info => new object[] { info.Name });

    public static TheoryData<string, string, string, string> Refused => new()
    {
        { "SnapKv", "window", "0", "SnapKv: window=0 is not allowed; window is a whole number from 1 to 1048576." },
        { "SnapKv", "window", "1048577", "from 1 to 1048576" },
        { "SnapKv", "window", "1.5", "whole number" },
        { "SnapKv", "window", "1e2", "whole number" },
        { "SnapKv", "window", " 3", "whole number" },
        { "SnapKv", "window", "1,000", "whole number" },
        { "SnapKv", "window", "", "whole number" },
        { "SnapKv", "pool", "4", "pool is an odd whole number from 1 to 4095." },
        { "SnapKv", "pooling", "Average", "pooling is average or max." },
        { "SnapKv", "Window", "3", "SnapKv has no parameter 'Window'; it takes window, pool, pooling, sinks, recent." },
        { "SnapKv", "rows", "3", "it takes window, pool, pooling, sinks, recent." },
        { "KeepAll", "sinks", "1", "KeepAll has no parameter 'sinks'; it takes none." },
        { "ShotKv", "rows", "none", "rows is all or a whole number from 1 to 1048576." },
        { "ShotKv", "rows", "0", "rows is all or a whole number from 1 to 1048576." },
        { "ShotKv", "newest", "2", "newest is a whole number from 0 to 1." },
        { "ShotKv", "scope", "head", "scope is layer or model." },
        { "ShotKv", "packing", "best", "packing is stop or skip." },
        { "ShotKv", "outside", "keep", "outside is count or free." },
        { "H2O", "recent", "-1", "recent is share or a whole number from 0 to 1048576." },
    };

    [Fact]
    public void An_instance_may_be_made_while_its_class_is()
    {
        Assert.Equal(0.3f, OwnInstances.Weak.Decay);
        Assert.Equal(4, OwnInstances.Weak.Plan.Sinks);
        Assert.Same(OwnInstances.Info, OwnInstances.Info);
    }

    [Theory]
    [InlineData("0.1", true)]
    [InlineData("0.3", true)]
    [InlineData("0.30001", false)]
    [InlineData("0.0999", false)]
    public void The_ends_of_a_range_are_the_floats_that_they_name(string decay, bool allowed)
    {
        PolicySettings settings = new() { Values = new Dictionary<string, string> { ["decay"] = decay } };
        if (allowed) Assert.Equal(float.Parse(decay, System.Globalization.CultureInfo.InvariantCulture), ((OwnInstances)OwnInstances.Info.Create(settings)).Decay);
        else Assert.Contains("decay is a finite number from 0.1 to 0.3", Assert.Throws<PolicyArgumentException>(() => OwnInstances.Info.Create(settings)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Policies))]
    public void An_instance_tells_its_parameters_and_is_made_again_from_them(string name)
    {
        PolicyInfo info = Catalog.All.Single(p => p.Name == name);
        IKvPolicy plain = info.Create(new PolicySettings());
        Assert.Equal(info.Parameters.ToDictionary(p => p.Name, p => p.Default).OrderBy(p => p.Key, StringComparer.Ordinal), plain.Parameters);
        foreach (ParameterInfo parameter in info.Parameters)
        {
            string other = parameter.Choices.FirstOrDefault(choice => choice != parameter.Default) ?? (parameter.Odd ? "7" : "1");
            IKvPolicy changed = info.Create(new PolicySettings { Values = new Dictionary<string, string> { [parameter.Name] = other } });
            Assert.Equal(other, changed.Parameters[parameter.Name]);
            IKvPolicy again = info.Create(new PolicySettings { Values = changed.Parameters });
            Assert.Equal(changed.Parameters, again.Parameters);
            Assert.Equal(changed.Plan, again.Plan);
        }
    }

    [Fact]
    public void Properties_that_were_set_are_told()
    {
        IKvPolicy snap = new SnapKv { Window = 4, Pooling = Pooling.Max }, shots = new ShotKv { ObservedRows = 16, Packing = Packing.Skip }, own = OwnInstances.Weak;
        Assert.Equal(("4", "max", "5"), (snap.Parameters["window"], snap.Parameters["pooling"], snap.Parameters["pool"]));
        Assert.Equal(("16", "skip", "1"), (shots.Parameters["rows"], shots.Parameters["packing"], shots.Parameters["newest"]));
        Assert.Equal("0.3", own.Parameters["decay"]);
    }

    [Fact]
    public void A_fraction_is_the_decimal_that_was_written()
    {
        Assert.Equal(Budget.OfRatio(0.7m), new KeyNorm { Keep = 0.7f }.Plan.Prefill!.Budget);
        Assert.Equal(Budget.OfRatio(0.7m), new KeyNorm { Keep = 0.7 }.Plan.Prefill!.Budget);
        Assert.Equal(Budget.OfRatio(0.12345678m), new KeyNorm { Keep = 0.12345678f }.Plan.Prefill!.Budget);
        Assert.Equal(Budget.OfRatio(1m), new KeyNorm { Keep = 1 }.Plan.Prefill!.Budget);
        Assert.Equal(Budget.OfRatio(0.12345678m), EightDigits.Info.DefaultKeep);
        Assert.Throws<ArgumentOutOfRangeException>(() => new KeyNorm { Keep = float.NaN });
        Assert.Throws<ArgumentOutOfRangeException>(() => new KeyNorm { Keep = 1.5f });
    }

    [Fact]
    public void The_catalog_is_ordered_by_name()
        => Assert.Equal(["ChunkKv", "H2O", "KeepAll", "KeyNorm", "RandomShots", "RandomTokens", "ShotKv", "SnapKv", "StreamingLlm"], Catalog.All.Select(info => info.Name));

    [Theory]
    [MemberData(nameof(Policies))]
    public void Every_default_is_taken_back_and_gives_the_same_plan(string name)
    {
        PolicyInfo info = Find(name);
        PolicyPlan plain = info.Create(new PolicySettings()).Plan;
        PolicyPlan given = info.Create(new PolicySettings { Values = info.Parameters.ToDictionary(parameter => parameter.Name, parameter => parameter.Default) }).Plan;
        Assert.Equal(plain, given);
        Assert.Equal(info.DefaultKeep, plain.Prefill?.Budget ?? info.DefaultKeep);
        Assert.Equal(info.DefaultDecodeKeep, plain.Decode?.Budget);
        Assert.Equal(name, plain.Name);
    }

    [Theory]
    [MemberData(nameof(Policies))]
    public void Facts_are_there_for_people(string name)
    {
        PolicyInfo info = Find(name);
        Assert.NotEmpty(info.Summary);
        Assert.NotEmpty(info.Fidelity);
        Assert.StartsWith(name, info.PlanText, StringComparison.Ordinal);
        Assert.Equal(name is "KeepAll" or "RandomTokens" or "RandomShots" ? "" : "arXiv:", info.Paper[..Math.Min(6, info.Paper.Length)]);
        Assert.Contains($"partial class {name}", info.HostSource, StringComparison.Ordinal);
        Assert.Equal(info.GpuSource.Length > 0, info.Create(new PolicySettings()).GpuKernels.Count > 0);
        Assert.All(info.Create(new PolicySettings()).GpuKernels, kernel => Assert.Contains($"void {kernel.Name.Split('.')[1]}(", info.GpuSource, StringComparison.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Refused))]
    public void What_is_not_allowed_is_refused_in_one_line_that_says_what_is(string policy, string name, string value, string says)
    {
        PolicyArgumentException refusal = Assert.Throws<PolicyArgumentException>(() => Make(policy, name, value));
        Assert.Contains(says, refusal.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', refusal.Message);
    }

    [Fact]
    public void Settings_reach_the_plan()
    {
        PolicyPlan snap = Make("SnapKv", "window", "16", "pool", "1", "pooling", "max", "recent", "8", "sinks", "2").Plan;
        Assert.Equal((16, false, 8, 2), (snap.Prefill!.Rows, snap.Prefill.Pools, snap.Recent, snap.Sinks));
        PolicyPlan shot = Make("ShotKv", "rows", "64", "packing", "skip", "outside", "free", "scope", "model", "newest", "0", "sinks", "0").Plan;
        Assert.Equal((64, Packing.Skip, Outside.KeepFree, Unit.Shot), (shot.Prefill!.Rows, shot.Prefill.Packing, shot.Prefill.Outside, shot.Prefill.Unit));
        Assert.Equal((Scope.Model, false, false, 0), (shot.Share, shot.Decode!.ProtectNewest, shot.HasState, shot.Sinks));
        PolicyPlan chunk = Make("ChunkKv", "chunk", "20").Plan;
        Assert.Equal((20, Unit.Chunk, Scope.Layer, 16), (chunk.Prefill!.Chunk, chunk.Prefill.Unit, chunk.Share, chunk.Recent));
    }

    [Fact]
    public void A_policy_that_draws_has_a_seed()
    {
        Assert.Equal(0, new RandomTokens().Seed);
        Assert.Equal(7, ((RandomTokens)Make("RandomTokens", "seed", "7")).Seed);
        Assert.Equal("a whole number from 0 to 2147483647", Find("RandomShots").Parameters.Single(parameter => parameter.Name == "seed").Allowed);
        Assert.Throws<ArgumentOutOfRangeException>(() => new RandomShots { Seed = -1 });
        Assert.DoesNotContain(Find("KeyNorm").Parameters, parameter => parameter.Name == "seed");
    }

    [Fact]
    public void Random_shots_are_packed_as_those_of_ShotKv()
    {
        PolicyPlan shot = Make("ShotKv").Plan, random = Make("RandomShots").Plan;
        Assert.Equal(shot with { Name = "RandomShots", Decode = null, HasState = false, Prefill = shot.Prefill! with { Rows = 0 } }, random);
        ParameterInfo[] ofShot = [.. Find("ShotKv").Parameters.Where(parameter => parameter.Name is not ("rows" or "newest"))];
        Assert.Equal(ofShot.Select(Text), Find("RandomShots").Parameters.Where(parameter => parameter.Name != "seed").Select(Text));
        static string Text(ParameterInfo parameter) => $"{parameter.Name} {parameter.Kind} {parameter.Default} {parameter.Allowed}";
    }

    [Fact]
    public void Heavy_hitters_share_the_budget_with_the_newest_unless_a_number_is_given()
    {
        PolicyPlan own = Make("H2O").Plan;
        Assert.Equal((9, 0.5m, true, true, true), (own.RecentOf(19), own.RecentShare, own.HasState, own.Decode!.NeedsPrefillState, own.Decode.ReadsAttention));
        Assert.Equal(int.MaxValue, own.Prefill!.Rows);
        Assert.Equal(4, Make("H2O", "recent", "4").Plan.RecentOf(19));
        Assert.DoesNotContain(Find("H2O").Parameters, parameter => parameter.Name == "rows");
    }

    [Fact]
    public void Shots_start_with_all_rows_and_the_rules_of_the_paper()
    {
        PolicyPlan plan = Make("ShotKv").Plan;
        Assert.Equal((int.MaxValue, Packing.Stop, Outside.KeepAndCount), (plan.Prefill!.Rows, plan.Prefill.Packing, plan.Prefill.Outside));
        Assert.Equal((Scope.Layer, true, true, 4, Base.Generated, false), (plan.Share, plan.HasState, plan.Decode!.ProtectNewest, plan.Sinks, plan.Decode.Of, plan.Decode.NeedsPrefillState));
    }

    [Theory]
    [InlineData("ShotKv", null, null, "0.4", "0.4")]
    [InlineData("ShotKv", "0.7", null, "0.7", "0.7")]
    [InlineData("ShotKv", "0.7", "0.2", "0.7", "0.2")]
    [InlineData("ShotKv", "t9", null, "9 tokens", "0.4")]
    [InlineData("ShotKv", "t9", "t3", "9 tokens", "3 tokens")]
    [InlineData("H2O", null, null, "0.2", "0.2")]
    [InlineData("H2O", "0.7", null, "0.7", "0.7")]
    [InlineData("H2O", "t9", null, "9 tokens", "9 tokens")]
    [InlineData("H2O", "t9", "1", "9 tokens", "1")]
    [InlineData("StreamingLlm", null, "1", "0.25", "1")]
    public void Decoding_follows_the_budget_of_the_prompt_unless_it_has_its_own(string policy, string? keep, string? decodeKeep, string prompt, string decode)
    {
        PolicyPlan plan = Find(policy).Create(new PolicySettings { Keep = Read(keep), DecodeKeep = Read(decodeKeep) }).Plan;
        Assert.Equal((prompt, decode), (plan.Prefill!.Budget.ToString(), plan.Decode!.Budget.ToString()));
    }

    [Fact]
    public void A_property_follows_the_same_rules()
    {
        Assert.Equal("0.7", new ShotKv { Keep = 0.7 }.Plan.Decode!.Budget.ToString());
        Assert.Equal("0.1", new ShotKv { Keep = 0.7, DecodeKeep = 0.1 }.Plan.Decode!.Budget.ToString());
        Assert.Equal("0.4", new ShotKv { Keep = Budget.OfTokens(5) }.Plan.Decode!.Budget.ToString());
        Assert.Throws<ArgumentOutOfRangeException>(() => new SnapKv { Window = 0 });
        Assert.Throws<ArgumentOutOfRangeException>(() => new SnapKv { Pool = 2 });
        Assert.Throws<ArgumentOutOfRangeException>(() => new EverySignal { Beta = float.NaN });
        Assert.Equal(-1, new H2O { Recent = -1 }.Recent);
    }

    [Fact]
    public void Decoding_alone_takes_the_budget_that_is_given()
    {
        Assert.Equal("0.5", SumWhileDecoding.Info.Create(new PolicySettings()).Plan.Decode!.Budget.ToString());
        Assert.Equal("0.25", SumWhileDecoding.Info.Create(new PolicySettings { Keep = 0.25 }).Plan.Decode!.Budget.ToString());
        Assert.Equal("0.5", SumWhileDecoding.Info.Create(new PolicySettings { Keep = Budget.OfTokens(4) }).Plan.Decode!.Budget.ToString());
        Assert.Equal(int.MaxValue, new WindowThenSum().Plan.Prefill!.Rows);
        // Its sums start with the prompt, where nothing is evicted.
        PolicyPlan plan = new SumWhileDecoding().Plan;
        Assert.True(plan.Prefill!.Budget.KeepsAll && plan.Prefill.Rows == int.MaxValue && plan.Decode!.NeedsPrefillState && plan.HasState);
    }

    [Theory]
    [InlineData("0.25", 0.25f)]
    [InlineData("-1e-3", -0.001f)]
    public void Real_numbers_are_read_in_the_invariant_form(string text, float value)
        => Assert.Equal(value, ((EverySignal)EverySignal.Info.Create(Values("beta", text))).Beta);

    [Theory]
    [InlineData("0,25")]
    [InlineData("NaN")]
    [InlineData("Infinity")]
    [InlineData("1e99")]
    [InlineData("one")]
    public void Other_forms_are_not(string text)
        => Assert.Contains("beta is a finite number", Assert.Throws<PolicyArgumentException>(() => EverySignal.Info.Create(Values("beta", text))).Message, StringComparison.Ordinal);

    private static PolicyInfo Find(string name) => Catalog.All.Single(info => info.Name == name);

    private static IKvPolicy Make(string policy, params string[] values) => Find(policy).Create(Values(values));

    private static PolicySettings Values(params string[] values) => new() { Values = values.Chunk(2).ToDictionary(pair => pair[0], pair => pair[1]) };

    private static Budget? Read(string? text) => text switch
    {
        null => null,
        _ when text[0] == 't' => Budget.OfTokens(int.Parse(text[1..], System.Globalization.CultureInfo.InvariantCulture)),
        _ => Budget.OfRatio(decimal.Parse(text, System.Globalization.CultureInfo.InvariantCulture)),
    };
}
