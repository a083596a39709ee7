using System.Text.Json;
using KvPolicy.Inference.Engine;
using KvPolicy.Inference.Loading.Safetensors;
using KvPolicy.Inference.Tests.Support;

namespace KvPolicy.Inference.Tests.Engine;

/// <summary>Logits and greedy ids of other people's programs (torch and transformers on the same files) against the engine.</summary>
public class GoldenLogitsTests
{
    private const double TinyTolerance = 5e-4, QuantTolerance = 2e-4, SmolTolerance = 1e-3;
    private const double CloseMargin = 2e-3;

    [SkippableTheory]
    [InlineData("llama")]
    [InlineData("llama3-rope")]
    [InlineData("qwen2")]
    [InlineData("qwen3")]
    public void Tiny_architectures(string name)
    {
        string folder = SharedData.Model("tiny", name);
        using JsonDocument golden = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "goldens.json")));
        using SafetensorsFile tensors = SafetensorsFile.Open(Path.Combine(folder, "goldens.safetensors"));
        using var engine = new LoadedEngine(folder, threads: 2);
        foreach (JsonElement sequence in golden.RootElement.GetProperty("sequences").EnumerateArray())
        {
            int[] ids = Ids(sequence, "ids");
            AssertPrompt(engine, ids, Ids(sequence, "greedy_ids"), Margins(sequence), tensors.ReadF32($"last_logits.{ids.Length}"), TinyTolerance);
            if (ids.Length == 33) AssertAll(engine, ids, Enumerable.Range(0, 33), tensors.ReadF32("all_logits.33"), TinyTolerance);
        }
    }

    [SkippableTheory]
    [InlineData("F32")]
    [InlineData("F16")]
    [InlineData("BF16")]
    [InlineData("Q8_0")]
    [InlineData("Q4_0")]
    [InlineData("Q4_1")]
    [InlineData("Q5_0")]
    [InlineData("Q5_1")]
    [InlineData("Q4_K")]
    [InlineData("Q6_K")]
    [InlineData("qwen2-Q8_0")]
    [InlineData("qwen3-Q8_0")]
    public void Quantised_files(string name)
    {
        string folder = SharedData.Model("quants");
        using JsonDocument golden = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "goldens.json")));
        using SafetensorsFile tensors = SafetensorsFile.Open(Path.Combine(folder, "goldens.safetensors"));
        JsonElement entry = golden.RootElement.GetProperty("files").EnumerateArray().Single(f => f.GetProperty("file").GetString() == name + ".gguf");
        using var engine = new LoadedEngine(Path.Combine(folder, name + ".gguf"), threads: 2);
        int[] ids = Ids(entry, "ids");
        float[] want = tensors.ReadF32("logits." + name);
        AssertAll(engine, ids, [0, 9, 19], want, QuantTolerance);

        // The same positions through the decode path: one token prefilled, the rest fed one by one.
        int vocabulary = engine.Model.Config.VocabularySize;
        using Sequence sequence = engine.Begin(ids.Length);
        float[] first = sequence.Prefill(ids.AsSpan(0, 1)).ToArray();
        AssertClose(want.AsSpan(0, vocabulary), first, QuantTolerance, "position 0");
        for (int i = 1; i < ids.Length; i++)
        {
            ReadOnlySpan<float> logits = sequence.Decode(ids[i]);
            if (i is 9 or 19) AssertClose(want.AsSpan((i == 9 ? 1 : 2) * vocabulary, vocabulary), logits, QuantTolerance, $"decoded position {i}");
        }
    }

    [SkippableFact]
    public void Stories260K()
    {
        string folder = SharedData.Model("stories260K");
        using JsonDocument golden = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "golden.json")));
        using var engine = new LoadedEngine(Path.Combine(folder, "stories260K.bin"), threads: 2, Path.Combine(folder, "tok512.bin"));
        JsonElement root = golden.RootElement;
        int[] greedy = Ids(root, "greedy_ids"), ids = Ids(root, "prompt_ids");
        float[] first8 = [.. root.GetProperty("last_prompt_logits_first8").EnumerateArray().Select(e => e.GetSingle())];
        AssertPrompt(engine, ids, greedy, [.. greedy.Select(_ => 1.0)], first8, SmolTolerance);
    }

    [SkippableFact]
    public void SmolLM2_prompts_and_text()
    {
        string folder = SharedData.Model("SmolLM2-135M-Instruct");
        using JsonDocument golden = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "golden.json")));
        using SafetensorsFile tensors = SafetensorsFile.Open(Path.Combine(folder, "golden.safetensors"));
        using var engine = new LoadedEngine(Path.Combine(folder, "SmolLM2-135M-Instruct.Q4_1.gguf"), threads: 2);
        foreach (JsonElement prompt in golden.RootElement.GetProperty("prompts").EnumerateArray())
            AssertPrompt(engine, Ids(prompt, "ids"), Ids(prompt, "greedy_ids"), Margins(prompt), tensors.ReadF32($"last_logits.{prompt.GetProperty("name").GetString()}"), SmolTolerance);
        JsonElement text = golden.RootElement.GetProperty("text200");
        AssertAll(engine, Ids(text, "ids"), Ids(text, "positions"), tensors.ReadF32("text200.logits"), SmolTolerance);
    }

    private static void AssertPrompt(LoadedEngine engine, int[] ids, int[] greedy, double[] margins, float[] last, double tolerance)
    {
        using Sequence sequence = engine.Begin(ids.Length + greedy.Length);
        ReadOnlySpan<float> logits = sequence.Prefill(ids);
        AssertClose(last, logits[..last.Length], tolerance, $"prompt of {ids.Length}");
        for (int step = 0; step < greedy.Length; step++)
        {
            int found = ArgMax(logits);
            if (found != greedy[step])
            {
                Assert.True(margins[step] < CloseMargin, $"prompt of {ids.Length}, step {step}: {found}, not {greedy[step]} (margin {margins[step]})");
                return;
            }

            logits = sequence.Decode(found);
        }
    }

    private static void AssertAll(LoadedEngine engine, int[] ids, IEnumerable<int> positions, float[] want, double tolerance)
    {
        using Sequence sequence = engine.Begin(ids.Length);
        var rows = new Dictionary<int, float[]>();
        sequence.Prefill(ids, (position, row) => rows.Add(position, row.ToArray()));
        Assert.Equal(ids.Length, rows.Count);
        int vocabulary = engine.Model.Config.VocabularySize, i = 0;
        foreach (int position in positions) AssertClose(want.AsSpan(i++ * vocabulary, vocabulary), rows[position], tolerance, $"position {position}");
    }

    private static void AssertClose(ReadOnlySpan<float> want, ReadOnlySpan<float> found, double tolerance, string what)
    {
        double worst = 0;
        for (int i = 0; i < want.Length; i++) worst = Math.Max(worst, Math.Abs((double)want[i] - found[i]) is var e && double.IsNaN(e) ? double.MaxValue : e);
        Assert.True(worst <= tolerance, $"{what}: logits are off by {worst:g3}, allowed {tolerance:g3}");
    }

    private static int ArgMax(ReadOnlySpan<float> logits)
    {
        int best = 0;
        for (int i = 1; i < logits.Length; i++)
        {
            if (logits[i] > logits[best]) best = i;
        }

        return best;
    }

    private static int[] Ids(JsonElement owner, string name) => [.. owner.GetProperty(name).EnumerateArray().Select(e => e.GetInt32())];

    private static double[] Margins(JsonElement owner) => [.. owner.GetProperty("margins").EnumerateArray().Select(e => e.GetDouble())];
}
