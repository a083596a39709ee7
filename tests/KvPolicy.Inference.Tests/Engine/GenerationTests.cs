using System.Text.Json;
using KvPolicy.Inference.Tests.Support;

namespace KvPolicy.Inference.Tests.Engine;

public class GenerationTests
{
    [SkippableFact]
    public void The_reference_model_answers_as_its_goldens_do()
    {
        using JsonDocument golden = JsonDocument.Parse(File.ReadAllText(SharedData.Model("kvpolicy-tiny", "golden.json")));
        using var engine = InferenceEngine.Load(SharedData.Model("kvpolicy-tiny"), new EngineOptions("cpu", Threads: 2));
        foreach (JsonElement item in golden.RootElement.EnumerateArray())
        {
            int[] ids = [.. item.GetProperty("ids").EnumerateArray().Select(e => e.GetInt32())], greedy = [.. item.GetProperty("greedy_ids").EnumerateArray().Select(e => e.GetInt32())];
            var text = new System.Text.StringBuilder();
            GenerationResult result = engine.Generate(new GenerationRequest { Prompt = ids, MaxTokens = greedy.Length, OnText = piece => text.Append(piece) });
            int[] expected = [.. greedy.TakeWhile(id => !engine.Tokenizer.EndIds.Contains(id))];
            Assert.Equal(expected, result.TokenIds);
            Assert.Equal(expected.Length == greedy.Length ? StopReason.Length : StopReason.Eos, result.Stop);
            Assert.Equal(result.Text, text.ToString());
            Assert.All(result.Receipt.Kept, layer => Assert.All(layer, held => Assert.Equal(ids.Length, held)));
        }
    }

    [Fact]
    public void A_prompt_longer_than_the_context_is_refused_with_both_numbers()
    {
        using var engine = InferenceEngine.Load("embedded", new EngineOptions("cpu", Threads: 1));
        int context = engine.Model.Config.ContextLength;
        var e = Assert.Throws<ArgumentException>(() => engine.Generate(new GenerationRequest { Prompt = [.. Enumerable.Repeat(5, context + 1)] }));
        Assert.Contains((context + 1).ToString(System.Globalization.CultureInfo.InvariantCulture), e.Message);
        Assert.Contains(context.ToString(System.Globalization.CultureInfo.InvariantCulture), e.Message);
        Assert.Throws<ArgumentException>(() => engine.Generate(new GenerationRequest { Prompt = [] }));
    }

    [Fact]
    public void Calls_within_a_call_are_refused_and_the_engine_goes_on()
    {
        var engine = InferenceEngine.Load("embedded", new EngineOptions("cpu", Threads: 1));
        var inner = new GenerationRequest { Prompt = [1, 5, 9], MaxTokens = 4 };
        using GenerationSession session = engine.StartSession();
        int pieces = 0;
        GenerationResult result = engine.Generate(inner with
        {
            OnText = _ =>
            {
                pieces++;
                Assert.Throws<InvalidOperationException>(() => engine.Generate(inner));
                Assert.Throws<InvalidOperationException>(() => session.Generate([1, 5]));
                Assert.Throws<InvalidOperationException>(engine.Dispose);
            },
        });
        Assert.True(pieces > 0);
        Assert.Equal(result.TokenIds, engine.Generate(inner).TokenIds);
        session.Dispose();
        engine.Dispose();
        engine.Dispose();
        Assert.Throws<ObjectDisposedException>(() => engine.Generate(inner));
    }

    [Fact]
    public void Generation_stops_where_the_context_ends()
    {
        using var engine = InferenceEngine.Load("embedded", new EngineOptions("cpu", Threads: 2));
        int context = engine.Model.Config.ContextLength;
        int[] prompt = [.. Enumerable.Range(0, context - 2).Select(i => 259 + i % 300)];
        // Drawn at a high temperature, so that the end of a turn is unlikely.
        GenerationResult result = engine.Generate(new GenerationRequest { Prompt = prompt, MaxTokens = 50, Sampling = new SamplingOptions(Temperature: 50, Seed: 3) });
        Assert.Equal(StopReason.Context, result.Stop);
        Assert.Equal(3, result.GeneratedTokens);
        Assert.All(result.Receipt.KeptEnd, layer => Assert.All(layer, held => Assert.Equal(context, held)));
    }

    [Fact]
    public void No_tokens_means_prefill_only()
    {
        using var engine = InferenceEngine.Load("embedded", new EngineOptions("cpu", Threads: 2));
        GenerationResult result = engine.Generate(new GenerationRequest { Prompt = [1, 300, 301], MaxTokens = 0 });
        Assert.Empty(result.TokenIds);
        Assert.Equal(StopReason.Length, result.Stop);
        Assert.Equal(0, result.Receipt.TokensPerSecond.Decode);
        Assert.Equal(result.Receipt.CacheBytes.Full, 3L * engine.Model.Config.Layers * engine.Model.Config.KvHeads * engine.Model.Config.HeadDim * 2 * 4);
    }
}
