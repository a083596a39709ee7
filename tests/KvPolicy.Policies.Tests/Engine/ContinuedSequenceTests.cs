using KvPolicy.Inference;
using KvPolicy.Inference.Engine;

namespace KvPolicy.Policies.Tests.Engine;

/// <summary>Sequences that go on after their prefill: questions that are read, turns that are compressed.</summary>
public class ContinuedSequenceTests
{
    private static readonly int[] Tokens = [.. Enumerable.Range(0, 220).Select(i => 3 + i * i * 7 % 1100)];

    public static TheoryData<string> Policies => [.. Catalog.All.Select(policy => policy.Name)];

    [Fact]
    public void Without_a_policy_turns_are_one_prompt()
    {
        using var engine = InferenceEngine.Load("embedded", new EngineOptions("cpu", Threads: 2));
        using Sequence whole = Begin(engine, null), turns = Begin(engine, null), read = Begin(engine, null);
        float[] want = whole.Prefill(Tokens).ToArray();
        turns.Prefill(Tokens.AsSpan(0, 90));
        turns.Continue(Tokens.AsSpan(90, 47), []);
        turns.Decode(Tokens[137]);
        AssertClose(want, turns.Continue(Tokens.AsSpan(138), []));
        read.Prefill(Tokens.AsSpan(0, 90));
        AssertClose(want, read.Read(Tokens.AsSpan(90)));
        Assert.Equal(Tokens.Length, turns.Length);
    }

    /// <summary>The turn's queries see exactly what a full cache with everything evicted masked out shows them: decoding it token by token over the same survivors.</summary>
    [Theory]
    [MemberData(nameof(Policies))]
    public void Reading_rows_at_once_is_reading_them_one_by_one(string name)
    {
        using var engine = InferenceEngine.Load("embedded", new EngineOptions("cpu", Threads: 2));
        PolicySettings settings = new() { Keep = 0.4, DecodeKeep = 1.0 };
        using Sequence rows = Begin(engine, Create(name, settings)), single = Begin(engine, Create(name, settings));
        rows.Prefill(Tokens.AsSpan(0, 130));
        single.Prefill(Tokens.AsSpan(0, 130));
        ReadOnlySpan<float> want = [];
        foreach (int id in Tokens.AsSpan(130, 60)) want = single.Decode(id);
        AssertClose(want.ToArray(), rows.Read(Tokens.AsSpan(130, 60)));
    }

    [Theory]
    [MemberData(nameof(Policies))]
    public void A_turn_brings_the_whole_sequence_back_to_its_budget(string name)
    {
        using var engine = InferenceEngine.Load("embedded", new EngineOptions("cpu", Threads: 2));
        IKvPolicy policy = Create(name, new PolicySettings { Keep = 0.3 });
        using Sequence sequence = Begin(engine, policy);
        sequence.Prefill(Tokens.AsSpan(0, 100));
        for (int i = 100; i < 120; i++) sequence.Decode(Tokens[i]);
        sequence.Continue(Tokens.AsSpan(120), []);
        bool keepsAll = policy.Plan.Prefill is null || policy.Plan.Prefill.Unit == Unit.Shot;
        for (int layer = 0; layer < engine.Model.Config.Layers; layer++)
        {
            for (int head = 0; head < engine.Model.Config.KvHeads; head++)
            {
                int[] positions = sequence.Store.Positions(layer, head);
                Assert.Equal(positions.Order(), positions);
                Assert.Equal(positions.Length, positions.Distinct().Count());
                if (!keepsAll) Assert.Equal(66, positions.Length);
            }
        }

        int next = sequence.Length;
        sequence.Decode(5);
        Assert.Equal(next + 1, sequence.Length);
    }

    [Fact]
    public void Whole_shots_of_earlier_turns_can_go_later()
    {
        using var engine = InferenceEngine.Load("embedded", new EngineOptions("cpu", Threads: 2));
        var opening = new PromptRequest { Prompt = Tokens[..80], Shots = [.. Map(80)], Policy = Create("ShotKv", new PolicySettings { Keep = 0.5, DecodeKeep = 1.0 }) };
        using Sequence sequence = engine.Begin(opening, 140);
        sequence.Prefill(Tokens.AsSpan(0, 80));
        sequence.Continue(Tokens.AsSpan(80, 120), [.. Map(200)]);
        int[] positions = sequence.Store.Positions(0, 0);
        Assert.InRange(positions.Length, 4, 100);
        foreach (IGrouping<int, int> shot in positions.Where(position => position >= 4).GroupBy(position => position / 20)) Assert.Equal(shot.Key == 0 ? 16 : 20, shot.Count());
    }

    private static IEnumerable<int> Map(int tokens) => Enumerable.Range(0, tokens).Select(i => i / 20);

    private static IKvPolicy Create(string name, PolicySettings settings) => Catalog.All.Single(policy => policy.Name == name).Create(settings);

    private static Sequence Begin(InferenceEngine engine, IKvPolicy? policy) => engine.Begin(new PromptRequest { Prompt = Tokens, Policy = policy }, 80);

    private static void AssertClose(float[] want, ReadOnlySpan<float> found)
    {
        for (int i = 0; i < want.Length; i++) Assert.True(Math.Abs(want[i] - found[i]) < 1e-4, $"id {i}: {want[i]} and {found[i]}");
    }
}
