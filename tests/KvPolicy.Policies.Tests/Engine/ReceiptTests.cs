using KvPolicy.Inference;

namespace KvPolicy.Policies.Tests.Engine;

/// <summary>A receipt tells the policy that ran, however it was made.</summary>
public class ReceiptTests
{
    [Fact]
    public void Properties_of_the_instance_are_its_parameters()
    {
        using var engine = InferenceEngine.Load("embedded", new EngineOptions("cpu", Threads: 1));
        int[] prompt = [.. Enumerable.Range(3, 60)];
        GenerationResult result = engine.Generate(new GenerationRequest { Prompt = prompt, MaxTokens = 1, Policy = new SnapKv { Keep = 0.5, Window = 4, Recent = 4, Pool = 7 } });
        IReadOnlyDictionary<string, string> parameters = result.Receipt.Policy!.Parameters;
        Assert.Equal(("0.5", "4", "4", "7", "average"), (parameters["keep"], parameters["window"], parameters["recent"], parameters["pool"], parameters["pooling"]));
    }
}
