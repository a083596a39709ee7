using KvPolicy.Inference.Engine;
using KvPolicy.Inference.Tokenization;

namespace KvPolicy.Inference.Tests.Engine;

public class InspectionTests
{
    private const int Sinks = 3, Recent = 5, Budget = 40, Steps = 12;
    private static readonly int[] Prompt = [.. Enumerable.Range(0, 150).Select(i => 3 + i * i * 7 % 1100)];

    private static RecordingPolicy Policy(bool decodes, Base of = Base.Prompt) => new(new PolicyPlan
    {
        Name = "Recording",
        Sinks = Sinks,
        Recent = Recent,
        Prefill = new PrefillPlan { Budget = KvPolicy.Budget.OfTokens(Budget), Rows = 20 },
        Decode = decodes ? new DecodePlan { Budget = KvPolicy.Budget.OfTokens(of == Base.Generated ? 4 : Budget), Of = of, ReadsAttention = true } : null,
    });

    private static GenerationRequest Request(IKvPolicy? policy) => new() { Prompt = Prompt, Policy = policy, MaxTokens = Steps, Sampling = new SamplingOptions(Temperature: 30, Seed: 1) };

    private static InferenceEngine Load(string device = "cpu") => InferenceEngine.Load("embedded", new EngineOptions(device, Threads: 2));

    [Theory]
    [InlineData(false, Base.Prompt)]
    [InlineData(true, Base.Prompt)]
    [InlineData(true, Base.Generated)]
    public void What_is_shown_is_what_the_cache_holds(bool decodes, Base of)
    {
        using InferenceEngine engine = Load();
        Inspection seen = engine.Inspect(Request(Policy(decodes, of)));
        Assert.Equal(engine.Generate(Request(Policy(decodes, of))).TokenIds, seen.Result.TokenIds);
        Assert.Equal(Prompt.Concat(seen.Result.TokenIds), seen.Tokens.Select(token => token.Id));
        using Sequence sequence = engine.Begin(Request(Policy(decodes, of)), Steps);
        sequence.Prefill(Prompt);
        Compare(head => head.Kept);
        for (int i = Prompt.Length; i < seen.CachedTokens; i++) sequence.Decode(seen.Tokens[i].Id);
        Compare(head => head.KeptEnd);
        Assert.True(seen.CachedTokens > Prompt.Length + 4, "the model ended its turn too early for this test");

        void Compare(Func<InspectedHead, IReadOnlyList<int>> positions)
        {
            for (int layer = 0; layer < seen.Heads.Count; layer++)
            {
                for (int head = 0; head < seen.Heads[layer].Count; head++) Assert.Equal(sequence.Store.Positions(layer, head).Order(), positions(seen.Heads[layer][head]));
            }
        }
    }

    [Fact]
    public void By_chunks_too_the_first_and_the_newest_of_the_prompt_do_not_compete()
    {
        using InferenceEngine engine = Load();
        GenerationRequest request = Request(Policy(decodes: false)) with { Schedule = PrefillSchedule.ChunkMajor, ChunkRows = 16, MaxTokens = 0 };
        Inspection seen = engine.Inspect(request);
        using Sequence sequence = engine.Begin(request, 0);
        sequence.Prefill(Prompt);
        for (int layer = 0; layer < seen.Heads.Count; layer++)
        {
            for (int h = 0; h < seen.Heads[layer].Count; h++)
            {
                InspectedHead head = seen.Heads[layer][h];
                Assert.Equal(sequence.Store.Positions(layer, h).Order(), head.Kept);
                Assert.Equal(Budget, head.Kept.Count);
                Assert.Equal([.. Enumerable.Range(0, Sinks), .. Enumerable.Range(Prompt.Length - Recent, Recent)], head.Protected);
                Assert.Subset(head.Kept.ToHashSet(), head.Protected.ToHashSet());
            }
        }

        Assert.Contains(seen.Notes, note => note.Contains("last chunk", StringComparison.Ordinal));
    }

    [Fact]
    public void The_scores_are_those_that_decided()
    {
        using InferenceEngine engine = Load();
        Inspection seen = engine.Inspect(Request(Policy(decodes: false)));
        Assert.True(seen.HasScores);
        Assert.Equal(Budget, seen.Budget);
        Assert.Null(seen.DecodeBudget);
        Assert.Equal(engine.Model.Config.Layers, seen.Heads.Count);
        int[] safe = [.. Enumerable.Range(0, Sinks), .. Enumerable.Range(Prompt.Length - Recent, Recent)];
        foreach (InspectedHead head in seen.Heads.SelectMany(layer => layer))
        {
            Assert.Equal(safe, head.Protected);
            Assert.Equal(safe, head.ProtectedEnd);
            Assert.Equal(Prompt.Length, head.Scores.Count);
            IEnumerable<int> best = Enumerable.Range(0, Prompt.Length).Except(safe).OrderByDescending(p => head.Scores[p]).ThenBy(p => p).Take(Budget - safe.Length);
            Assert.Equal(best.Concat(safe).Order(), head.Kept);
        }

        Assert.Contains(seen.Heads.SelectMany(layer => layer), head => !head.Kept.SequenceEqual(seen.Heads[0][0].Kept));
    }

    [Fact]
    public void While_decoding_the_first_and_the_newest_do_not_compete()
    {
        using InferenceEngine engine = Load();
        Inspection seen = engine.Inspect(Request(Policy(decodes: true)));
        Assert.Equal(Budget, seen.DecodeBudget);
        foreach (InspectedHead head in seen.Heads.SelectMany(layer => layer))
        {
            Assert.Equal(Budget, head.KeptEnd.Count);
            Assert.Equal([.. Enumerable.Range(0, Sinks), .. Enumerable.Range(seen.CachedTokens - Recent, Recent)], head.ProtectedEnd);
            Assert.Subset(head.KeptEnd.ToHashSet(), head.ProtectedEnd.ToHashSet());
        }
    }

    [Fact]
    public void A_frozen_prompt_does_not_compete_while_decoding()
    {
        using InferenceEngine engine = Load();
        Inspection seen = engine.Inspect(Request(Policy(decodes: true, Base.Generated)));
        foreach (InspectedHead head in seen.Heads.SelectMany(layer => layer))
        {
            Assert.Equal(head.Kept, head.KeptEnd.Where(p => p < Prompt.Length));
            // Four of the generated stay; Recent of 5 covers them all.
            Assert.Equal(head.KeptEnd, head.ProtectedEnd);
            Assert.Equal(Enumerable.Range(seen.CachedTokens - 4, 4), head.KeptEnd.Where(p => p >= Prompt.Length));
        }
    }

    [Fact]
    public void Scores_are_shown_although_everything_fits_and_then_nobody_is_protected()
    {
        using InferenceEngine engine = Load();
        var policy = new RecordingPolicy(new PolicyPlan { Name = "Recording", Prefill = new PrefillPlan { Budget = KvPolicy.Budget.OfTokens(500), Rows = 20 } });
        Inspection seen = engine.Inspect(Request(policy));
        Assert.True(seen.HasScores);
        foreach (InspectedHead head in seen.Heads.SelectMany(layer => layer))
        {
            Assert.Equal(Enumerable.Range(0, Prompt.Length), head.Kept);
            Assert.Empty(head.Protected);
            Assert.All(head.Scores, score => Assert.True(score >= 0));
        }
    }

    [Fact]
    public void A_full_cache_has_no_scores_and_no_budget()
    {
        using InferenceEngine engine = Load();
        Inspection seen = engine.Inspect(Request(null));
        Assert.False(seen.HasScores);
        Assert.Null(seen.Budget);
        Assert.Equal(Enumerable.Range(0, seen.CachedTokens), seen.Heads[^1][^1].KeptEnd);
        Assert.All(seen.Heads[0][0].Scores, score => Assert.True(float.IsNaN(score)));
    }

    [Fact]
    public void Joined_texts_are_the_text_and_parts_of_characters_are_empty()
    {
        using InferenceEngine engine = Load();
        int[] ids = [.. engine.Tokenizer.Encode(" a <b> \U0001F600 \u0639\n", new EncodeOptions(false, true)).Select(token => token.Id)];
        Inspection seen = engine.Inspect(new GenerationRequest { Prompt = ids, Shots = [.. ids.Select((_, i) => i / 3 - 1)], MaxTokens = 0 });
        Assert.Equal(engine.Tokenizer.Decode(ids, skipSpecial: false), string.Concat(seen.Tokens.Select(token => token.Text)));
        Assert.Contains(seen.Tokens, token => token.Text.Length == 0);
        Assert.Equal(ids.Select((_, i) => i / 3 - 1), seen.Tokens.Select(token => token.Shot));
        Assert.Equal(ids.Length, seen.CachedTokens);
    }
}
