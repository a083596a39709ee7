using KvPolicy.Inference;
using KvPolicy.Inference.Tokenization;
using KvPolicy.Policies;

namespace KvPolicy.Gpu.Tests;

/// <summary>A real model's whole forward pass and its policy on the simulator: the ids of the host.</summary>
public sealed class EndToEndTests
{
    private const string Prompt = "Once upon a time, a dog saw a cat";

    [SkippableFact]
    public void ShotKv_drops_a_shot_and_generates_the_ids_of_the_host()
    {
        string model = SharedData.Model("stories260K", "stories260K.bin");
        // Two shots of three tokens and one of two behind a token that belongs to none.
        int[] shots = [-1, 0, 0, 0, 1, 1, 1, 2, 2, -1, -1, -1, -1, -1, -1, -1];
        IKvPolicy policy = ShotKv.Info.Create(new PolicySettings { Keep = 0.5, Values = new Dictionary<string, string> { ["sinks"] = "1" } });
        GenerationResult host = Run(model, "cpu", policy, shots), simulated = Run(model, "simulator", policy, shots);
        Assert.Equal(8, host.TokenIds.Count);
        Assert.Equal(host.TokenIds, simulated.TokenIds);
        Assert.Equal("simulator", simulated.Receipt.Device);
        Assert.Equal(host.Receipt.Kept, simulated.Receipt.Kept);
        Assert.Equal(host.Receipt.KeptEnd, simulated.Receipt.KeptEnd);
        Assert.All(simulated.Receipt.Kept, layer => Assert.All(layer, kept => Assert.True(kept < simulated.PromptTokens, "no shot was dropped")));
        Assert.Contains(simulated.Receipt.Kernels, kernel => kernel is { Name: "Evict", Launches: > 0 });
    }

    [SkippableFact]
    public void Random_shots_are_drawn_alike_on_every_device()
    {
        string model = SharedData.Model("stories260K", "stories260K.bin");
        int[] shots = [-1, 0, 0, 0, 1, 1, 1, 2, 2, -1, -1, -1, -1, -1, -1, -1];
        var other = new Dictionary<string, string> { ["sinks"] = "1", ["seed"] = "2" };
        IKvPolicy policy = RandomShots.Info.Create(new PolicySettings { Keep = 0.6, Values = other });
        GenerationResult host = Run(model, "cpu", policy, shots), simulated = Run(model, "simulator", policy, shots);
        Assert.Equal(host.TokenIds, simulated.TokenIds);
        Assert.Equal(host.Receipt.Kept, simulated.Receipt.Kept);
        int[] kept = [.. simulated.Receipt.Kept.SelectMany(layer => layer).Distinct()];
        Assert.InRange(Assert.Single(kept), 5, simulated.PromptTokens - 1);
    }

    [SkippableFact]
    public void SnapKv_generates_the_ids_of_the_host()
    {
        string model = SharedData.Model("stories260K", "stories260K.bin");
        IKvPolicy policy = SnapKv.Info.Create(new PolicySettings { Keep = 0.6, Values = new Dictionary<string, string> { ["window"] = "4", ["recent"] = "4" } });
        GenerationResult host = Run(model, "cpu", policy), simulated = Run(model, "simulator", policy);
        Assert.Equal(host.TokenIds, simulated.TokenIds);
        Assert.Equal(host.Receipt.Kept, simulated.Receipt.Kept);
        Assert.All(simulated.Receipt.Kept, layer => Assert.All(layer, kept => Assert.InRange(kept, 5, simulated.PromptTokens - 1)));
    }

    private static GenerationResult Run(string model, string device, IKvPolicy? policy, IReadOnlyList<int>? shots = null)
    {
        using InferenceEngine engine = InferenceEngine.Load(model, new EngineOptions { Device = device });
        int[] prompt = [.. engine.Tokenizer.Encode(Prompt, new EncodeOptions(ParseSpecial: false, AddSpecial: true)).Select(token => token.Id)];
        Assert.InRange(prompt.Length, 11, 16);
        return engine.Generate(new GenerationRequest { Prompt = prompt, Policy = policy, Shots = shots?.Take(prompt.Length).ToArray() ?? [], MaxTokens = 8 });
    }
}
