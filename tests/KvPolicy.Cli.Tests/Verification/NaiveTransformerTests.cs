using System.Text.Json;
using System.Text.Json.Nodes;
using KvPolicy.Cli.Tests.Support;
using KvPolicy.Cli.Verification;
using KvPolicy.Inference;
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

    /// <summary>Families by their configs over the same weights; the window of 5 is shorter than the prompt, and than a chunk of it.</summary>
    [SkippableTheory]
    [InlineData("llama", """{"model_type":"mistral","architectures":["MistralForCausalLM"],"sliding_window":5,"head_dim":null}""", 5)]
    [InlineData("llama", """{"model_type":"mistral","sliding_window":null}""", 0)]
    [InlineData("llama", """{"rope_scaling":{"type":"linear","factor":2.5}}""", 0)]
    [InlineData("qwen2", """{"use_sliding_window":true,"sliding_window":5,"max_window_layers":0}""", 5)]
    [InlineData("qwen2", """{"use_sliding_window":false,"sliding_window":32768,"max_window_layers":21}""", 0)]
    public void The_engine_gives_the_same_logits_for_families_that_differ_in_their_config(string weights, string changes, int window)
    {
        using var folder = new TemporaryFolder();
        using Model model = ModelLoader.Load(Variant(folder, Repository.Shared("models", "tiny", weights), changes));
        Assert.Equal(window, model.Config.SlidingWindow);
        int[] ids = [.. Enumerable.Range(0, 24).Select(i => i * 37 % 500)];
        var naive = new NaiveTransformer(model);
        NaiveSequence sequence = naive.Begin();
        double[][] expected = [.. ids.Select(id => naive.Step(sequence, id))];
        using InferenceEngine engine = InferenceEngine.Over(model, new EngineOptions("cpu", 1));
        foreach (int prompt in (int[])[1, 4, 16, 24])
        {
            engine.Feed(new PromptRequest { Prompt = ids[..prompt], ChunkRows = 7 }, ids[prompt..], (position, logits) =>
            {
                for (int i = 0; i < logits.Length; i++) Assert.True(Math.Abs(expected[position][i] - logits[i]) < 1e-3, $"prompt {prompt}, position {position}, id {i}: {logits[i]}, not {expected[position][i]}");
            });
        }
    }

    private static string Variant(TemporaryFolder folder, string source, string changes)
    {
        foreach (string name in (string[])["model.safetensors", "tokenizer.json", "tokenizer_config.json"]) File.CreateSymbolicLink(folder[name], Path.Combine(source, name));
        JsonObject config = JsonNode.Parse(File.ReadAllText(Path.Combine(source, "config.json")))!.AsObject();
        foreach ((string key, JsonNode? value) in JsonNode.Parse(changes)!.AsObject()) config[key] = value?.DeepClone();
        folder.Write("config.json", config.ToJsonString());
        return folder.Path;
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
