using KvPolicy.Inference;
using KvPolicy.Inference.Models;

namespace KvPolicy.Policies.Tests.Sessions;

/// <summary>A session from a file goes on, bit for bit, as the one that was saved; every policy of the catalogue.</summary>
public sealed class SavedSessionTests : IDisposable
{
    private const int Capacity = 420;
    private static readonly int[] Prompt = [.. Enumerable.Range(0, 150).Select(i => 3 + i * i * 7 % 1100)];
    private static readonly int[] Shots = [.. Enumerable.Range(0, 150).Select(i => i is < 5 or > 130 ? -1 : (i - 5) / 16)];
    private static readonly int[] Further = [.. Enumerable.Range(0, 60).Select(i => 3 + i * i * 11 % 1100)];

    // Nearly uniform, so that no turn ends early and different caches give different tokens.
    private static readonly SamplingOptions Drawn = new(Temperature: 3, Seed: 11);
    private readonly string _folder = Directory.CreateTempSubdirectory("kvpolicy-sessions-").FullName;

    public static TheoryData<string> Policies => [.. Catalog.All.Select(policy => policy.Name)];

    private string File => Path.Combine(_folder, "a.kvsession");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [MemberData(nameof(Policies))]
    public void A_loaded_session_goes_on_as_the_saved_one_bit_for_bit(string name)
    {
        using var engine = InferenceEngine.Load("embedded", new EngineOptions("cpu", Threads: 2));
        using var other = InferenceEngine.Load("embedded", new EngineOptions("cpu", Threads: 1));
        using GenerationSession saved = engine.StartSession(new SessionOptions { Policy = Create(name), Capacity = Capacity });
        saved.Generate(Prompt, new TurnOptions { Shots = Shots, MaxTokens = 30, Sampling = Drawn });
        saved.Save(File);
        using (GenerationSession loaded = other.LoadSession(File, Create(name)))
        {
            Assert.Equal(saved.TokenIds, loaded.TokenIds);
            AssertSameTurn(saved, loaded, [], []);
            AssertSameTurn(saved, loaded, Further, [.. Further.Select((_, i) => i < 20 ? 0 : i < 40 ? 1 : -1)]);
            AssertSameTurn(saved, loaded, [], []);
            saved.Save(File);
        }

        // Once more, after a turn: what later turns left is all there, too.
        using GenerationSession again = other.LoadSession(File, Create(name));
        AssertSameTurn(saved, again, Further, []);
        foreach (int id in Prompt.AsSpan(0, 8)) Assert.Equal(saved.Sequence!.Decode(id).ToArray(), again.Sequence!.Decode(id).ToArray());
    }

    [Theory]
    [MemberData(nameof(Policies))]
    public void Going_on_without_new_tokens_is_one_longer_generation(string name)
    {
        using var engine = InferenceEngine.Load("embedded", new EngineOptions("cpu", Threads: 2));
        (int[] prompt, GenerationResult whole) = LongAnswer(engine, name, 40);
        using GenerationSession first = engine.StartSession(new SessionOptions { Policy = Create(name), Capacity = Capacity });
        List<int> ids = [.. first.Generate(prompt, new TurnOptions { Shots = Shots, MaxTokens = 17 }).TokenIds];
        first.Save(File);
        using GenerationSession second = engine.LoadSession(File, Create(name));
        for (int tokens = 1; ids.Count < 40; tokens = Math.Min(2 * tokens, 40 - ids.Count)) ids.AddRange(second.Generate([], new TurnOptions { MaxTokens = tokens }).TokenIds);
        Assert.Equal(whole.TokenIds, ids);
        Assert.Equal([.. prompt, .. ids], second.TokenIds);
        Assert.Equal(whole.Receipt.KeptEnd, Held(engine, second));
    }

    [Fact]
    public void Turns_without_a_policy_are_one_prompt()
    {
        using var engine = InferenceEngine.Load("embedded", new EngineOptions("cpu", Threads: 2));
        using GenerationSession session = engine.StartSession(new SessionOptions { Capacity = Capacity });
        int[] spoken = [.. Prompt, .. session.Generate(Prompt, new TurnOptions { MaxTokens = 12, Sampling = Drawn }).TokenIds, .. Further];
        GenerationResult found = session.Generate(Further, new TurnOptions { MaxTokens = 20 });
        GenerationResult want = engine.Generate(new GenerationRequest { Prompt = spoken, MaxTokens = 20 });
        Assert.Equal(want.TokenIds, found.TokenIds);
        Assert.Equal(want.Receipt.Kept, found.Receipt.Kept);
        Assert.Equal([.. spoken, .. found.TokenIds], session.TokenIds);
    }

    [Fact]
    public void Shots_of_different_turns_are_different_shots()
    {
        using var engine = InferenceEngine.Load("embedded", new EngineOptions("cpu", Threads: 2));
        using GenerationSession session = engine.StartSession(new SessionOptions { Policy = new ShotKv { Keep = 0.5 }, Capacity = Capacity });
        session.Generate(Prompt.AsSpan(0, 60).ToArray(), new TurnOptions { Shots = [.. Enumerable.Range(0, 60).Select(i => i / 20 * 7)], MaxTokens = 0 });
        session.Generate(Prompt.AsSpan(60, 60).ToArray(), new TurnOptions { Shots = [.. Enumerable.Range(0, 60).Select(i => i / 20 * 7)], MaxTokens = 0 });
        int[] positions = session.Sequence!.Store.Positions(0, 0);
        Assert.InRange(positions.Length, 4, 60);
        // Six shots of twenty tokens; the four sinks are part of the first, and stay without it.
        foreach (IGrouping<int, int> shot in positions.Where(position => position >= 4).GroupBy(position => position / 20)) Assert.Equal(shot.Key == 0 ? 16 : 20, shot.Count());
    }

    [Fact]
    public void Another_policy_or_another_number_of_it_is_refused_by_name()
    {
        using var engine = InferenceEngine.Load("embedded", new EngineOptions("cpu", Threads: 2));
        using (GenerationSession session = engine.StartSession(new SessionOptions { Policy = new SnapKv { Keep = 0.5, Pool = 3 }, Capacity = Capacity }))
        {
            session.Generate(Prompt, new TurnOptions { MaxTokens = 2 });
            session.Save(File);
        }

        SavedPolicy saved = Assert.IsType<SavedPolicy>(SavedPolicy.Read(File));
        Assert.Equal(("SnapKv", "3"), (saved.Name, saved.Settings.Values["pool"]));
        using (GenerationSession loaded = engine.LoadSession(File, SnapKv.Info.Create(saved.Settings))) Assert.Equal("3", loaded.Generate([]).Receipt.Policy!.Parameters["pool"]);
        Refused(null, "SnapKv (keep 0.5)", "no policy");
        Refused(new H2O { Keep = 0.5 }, "SnapKv (keep 0.5)", "H2O");
        Refused(new SnapKv { Keep = 0.25, Pool = 3 }, "SnapKv (keep 0.5)", "keep 0.25");
        Refused(new SnapKv { Keep = 0.5, Pool = 5 }, "other parameters of SnapKv");
        Refused(new SnapKv { Keep = 0.5, Pool = 3, Pooling = Pooling.Max }, "other parameters of SnapKv");

        void Refused(IKvPolicy? policy, params string[] words)
        {
            var e = Assert.Throws<ModelFormatException>(() => engine.LoadSession(File, policy));
            Assert.StartsWith(File, e.Message);
            foreach (string word in words) Assert.Contains(word, e.Message);
        }
    }

    private static void AssertSameTurn(GenerationSession one, GenerationSession two, int[] tokens, int[] shots)
    {
        var options = new TurnOptions { Shots = shots, MaxTokens = 15, Sampling = Drawn };
        GenerationResult want = one.Generate(tokens, options), found = two.Generate(tokens, options);
        Assert.Equal(want.TokenIds, found.TokenIds);
        Assert.Equal(want.Receipt.Kept, found.Receipt.Kept);
        Assert.Equal(want.Receipt.KeptEnd, found.Receipt.KeptEnd);
        Assert.Equal(want.Receipt.Kernels.OrderBy(kernel => kernel.Name), found.Receipt.Kernels.OrderBy(kernel => kernel.Name));
        Assert.Equal(one.TokenIds, two.TokenIds);
    }

    /// <summary>A prompt whose greedy answer under the policy does not end early.</summary>
    private static (int[] Prompt, GenerationResult Result) LongAnswer(InferenceEngine engine, string policy, int tokens)
    {
        for (int start = 0; start < 40; start++)
        {
            int[] prompt = [.. Prompt.Select(id => 3 + (id + 17 * start) % 1100)];
            GenerationResult result = engine.Generate(new GenerationRequest { Prompt = prompt, Shots = Shots, Policy = Create(policy), MaxTokens = tokens });
            if (result.GeneratedTokens == tokens) return (prompt, result);
        }

        throw new InvalidOperationException("Every answer ends early: the test shows nothing.");
    }

    private static int[][] Held(InferenceEngine engine, GenerationSession session)
        => [.. Enumerable.Range(0, engine.Model.Config.Layers).Select(layer => Enumerable.Range(0, engine.Model.Config.KvHeads).Select(head => session.Sequence!.Store.Held(layer, head)).ToArray())];

    private static IKvPolicy Create(string name) => Catalog.All.Single(policy => policy.Name == name).Create(new PolicySettings { Keep = 0.4 });
}
