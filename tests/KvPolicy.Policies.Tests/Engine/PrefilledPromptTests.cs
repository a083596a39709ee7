using KvPolicy.Inference;

namespace KvPolicy.Policies.Tests.Engine;

/// <summary>One prefill for many policies gives what a prefill for each gives.</summary>
public class PrefilledPromptTests
{
    private const int Tokens = 150;
    private static readonly int[] Prompt = [.. Enumerable.Range(0, Tokens).Select(i => 3 + i * i * 7 % 1100)];
    private static readonly int[] Shots = [.. Enumerable.Range(0, Tokens).Select(i => i is < 5 or > 130 ? -1 : (i - 5) / 16)];

    public static TheoryData<string> Policies => [.. Catalog.All.Select(policy => policy.Name)];

    [Theory]
    [MemberData(nameof(Policies))]
    public void A_forked_prefill_is_a_prefill(string name)
    {
        PolicyInfo info = Catalog.All.Single(policy => policy.Name == name);
        using var engine = InferenceEngine.Load("embedded", new EngineOptions("cpu", Threads: 2));
        using PrefilledPrompt prefilled = engine.Prefill(Prompt);
        foreach ((double keep, int? context) in new (double, int?)[] { (0.5, null), (0.1, null), (0.25, 149), (0.25, 100), (0.3, 1) })
        {
            var request = new GenerationRequest
            {
                Prompt = Prompt,
                Shots = Shots,
                Policy = info.Create(new PolicySettings { Keep = keep }),
                ContextTokens = context,
                MaxTokens = 12,
            };
            GenerationResult want = engine.Generate(request), found = engine.Generate(prefilled, request);
            Assert.Equal(want.TokenIds, found.TokenIds);
            Assert.Equal(want.Receipt.Kept, found.Receipt.Kept);
            Assert.Equal(want.Receipt.KeptEnd, found.Receipt.KeptEnd);
            Assert.Equal(want.Receipt.Kernels, found.Receipt.Kernels);
            Assert.Equal(want.Receipt.CacheBytes.End, found.Receipt.CacheBytes.End);
        }
    }

    [Fact]
    public void Another_prompt_or_schedule_is_refused()
    {
        using var engine = InferenceEngine.Load("embedded", new EngineOptions("cpu", Threads: 1));
        using PrefilledPrompt prefilled = engine.Prefill(Prompt);
        Assert.Throws<ArgumentException>(() => engine.Generate(prefilled, new GenerationRequest { Prompt = [1, 2, 3] }));
        Assert.Throws<ArgumentException>(() => engine.Generate(prefilled, new GenerationRequest { Prompt = Prompt, Schedule = PrefillSchedule.ChunkMajor }));
        Assert.Throws<ArgumentException>(() => engine.Generate(prefilled, new GenerationRequest { Prompt = Prompt, ContextTokens = 0 }));
        Assert.Throws<ArgumentException>(() => engine.Generate(prefilled, new GenerationRequest { Prompt = Prompt, ContextTokens = Tokens + 1 }));
    }
}
