using KvPolicy.Inference;
using KvPolicy.Inference.Tokenization;

namespace KvPolicy.Gpu.Tests;

/// <summary>A real model's whole forward pass and its policy on the simulator: the ids of the host.</summary>
public sealed class EndToEndTests
{
    private const string Prompt = "Once upon a time, there was";

    [SkippableFact]
    public void A_full_cache_generates_the_ids_of_the_host()
    {
        string model = SharedData.Model("stories260K", "stories260K.bin");
        GenerationResult host = Run(model, "cpu", null), simulated = Run(model, "simulator", null);
        Assert.Equal(8, host.TokenIds.Count);
        Assert.Equal(host.TokenIds, simulated.TokenIds);
        Assert.Equal("simulator", simulated.Receipt.Device);
    }

    private static GenerationResult Run(string model, string device, IKvPolicy? policy, IReadOnlyList<int>? shots = null)
    {
        using InferenceEngine engine = InferenceEngine.Load(model, new EngineOptions { Device = device });
        int[] prompt = [.. engine.Tokenizer.Encode(Prompt, new EncodeOptions(ParseSpecial: false, AddSpecial: true)).Select(token => token.Id)];
        Assert.InRange(prompt.Length, 8, 16);
        return engine.Generate(new GenerationRequest { Prompt = prompt, Policy = policy, Shots = shots ?? [], MaxTokens = 8 });
    }
}
