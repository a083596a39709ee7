using System.Text.Json;
using KvPolicy.Cli.Tests.Support;
using KvPolicy.Cli.Verification;
using KvPolicy.Inference.Loading;
using KvPolicy.Inference.Loading.Safetensors;
using KvPolicy.Inference.Models;

namespace KvPolicy.Cli.Tests.Verification;

public class NaiveTransformerTests
{
    [SkippableTheory]
    [InlineData("llama")]
    [InlineData("llama3-rope")]
    [InlineData("qwen2")]
    [InlineData("qwen3")]
    public void Logits_are_those_of_the_reference_software(string name)
    {
        string folder = Repository.Shared("models", "tiny", name);
        using Model model = ModelLoader.Load(folder);
        using var goldens = SafetensorsFile.Open(Path.Combine(folder, "goldens.safetensors"));
        var naive = new NaiveTransformer(model);
        JsonElement sequences = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "goldens.json"))).RootElement.GetProperty("sequences");
        foreach (JsonElement golden in sequences.EnumerateArray())
        {
            NaiveSequence sequence = naive.Begin();
            double[] logits = [];
            foreach (JsonElement id in golden.GetProperty("ids").EnumerateArray()) logits = naive.Step(sequence, id.GetInt32());
            float[] expected = goldens.ReadF32($"last_logits.{sequence.Length}");
            // The reference computed in float32 and is itself up to 5.2e-5 off.
            for (int i = 0; i < expected.Length; i++) Assert.True(Math.Abs(expected[i] - logits[i]) < 1e-4, $"length {sequence.Length}, id {i}: {logits[i]}, not {expected[i]}");
        }
    }

    [Fact]
    public void A_masked_key_is_as_good_as_absent()
    {
        using Model model = ModelLoader.Load(ModelLoader.Embedded);
        var naive = new NaiveTransformer(model);
        int[] ids = [1, 300, 400, 500, 600];
        NaiveSequence full = naive.Begin();
        foreach (int id in ids) naive.Step(full, id, wantsLogits: false);
        NaiveSequence fork = full.Fork();
        double[] masked = naive.Step(full, 700, (_, _, position) => position is 0 or 3);
        foreach (List<double[]> values in fork.Values)
        {
            foreach (int gone in new[] { 1, 2, 4 }) values[gone] = [.. values[gone].Select(_ => 1e6)];
        }

        Assert.Equal(masked, naive.Step(fork, 700, (_, _, position) => position is 0 or 3));
        Assert.Equal(6, full.Length);
        Assert.Equal(6, fork.Length);
    }
}
