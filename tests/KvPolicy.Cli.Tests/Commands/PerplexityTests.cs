using System.Text.Json;
using KvPolicy.Cli.Commands;
using KvPolicy.Cli.Tests.Support;
using KvPolicy.Inference.Loading.Safetensors;

namespace KvPolicy.Cli.Tests.Commands;

public sealed class PerplexityTests : IDisposable
{
    private static readonly string Text = string.Concat(Enumerable.Repeat(" Q : flag of desia ? [ blue gold teal pink ] A : desia pink .", 12));
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private JsonElement Run(params string[] more)
        => InProcess.Run(["perplexity", "--model", "embedded", "--file", _folder.Write("text", Text), "--window", "64", "--json", .. more]).Json;

    [Fact]
    public void Scores_add_up_to_the_formulas()
    {
        var score = new PerplexityScore();
        float[] even = [0, 0], sure = [MathF.Log(3), 0];
        score.Add(even, 0, sure);
        score.Add(sure, 1, sure);
        Assert.Equal((Math.Log(2) + Math.Log(4)) / 2, score.MeanNll, 1e-6);
        Assert.Equal(Math.Exp((Math.Log(4.0 / 3) + Math.Log(4)) / 2), score.FullPerplexity, 1e-6);
        // KL((3/4, 1/4), (1/2, 1/2)) = 3/4 ln(3/2) + 1/4 ln(1/2), and 0 for equal ones.
        Assert.Equal((0.75 * Math.Log(1.5) + 0.25 * Math.Log(0.5)) / 2, score.Divergence, 1e-6);
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    public void Logits_that_are_no_numbers_are_refused(float wrong)
        => Assert.Contains("weights are damaged", Assert.Throws<InvalidOperationException>(() => new PerplexityScore().Add([0, wrong], 0)).Message, StringComparison.Ordinal);

    /// <summary>Final norms 10,000 times too large: every step is sure of itself, and mostly wrong; exp of that overflows, its mean does not.</summary>
    [SkippableFact]
    public void A_perplexity_beyond_a_double_is_null_in_JSON()
    {
        string source = Repository.Shared("models", "tiny", "llama");
        foreach (string name in (string[])["config.json", "tokenizer.json", "tokenizer_config.json"]) File.Copy(Path.Combine(source, name), _folder[name]);
        using (var file = SafetensorsFile.Open(Path.Combine(source, "model.safetensors")))
        {
            SafetensorsWriter.Write(_folder["model.safetensors"], [.. file.Entries.Select(e => (new SafetensorsSpec(e.Name, e.Type, [.. e.Shape]), (Array)file.ReadF32(e.Name).Select(x => e.Name == "model.norm.weight" ? x * 1e4f : x).ToArray()))]);
        }

        JsonElement json = InProcess.Run("perplexity", "--model", _folder.Path, "--file", _folder.Write("text", Text), "--policy", "KeyNorm", "--json").Json;
        Assert.Equal(JsonValueKind.Null, json.GetProperty("perplexity").ValueKind);
        Assert.Equal(JsonValueKind.Null, json.GetProperty("fullPerplexity").ValueKind);
        Assert.True(json.GetProperty("nll").GetDouble() > 710);
    }

    [Fact]
    public void A_policy_that_keeps_all_does_not_diverge()
    {
        JsonElement all = Run("--policy", "KeyNorm", "--keep", "1");
        Assert.Equal(0, all.GetProperty("kl").GetDouble());
        Assert.Equal(all.GetProperty("fullPerplexity").GetDouble(), all.GetProperty("perplexity").GetDouble());
    }

    [Fact]
    public void A_policy_that_keeps_little_diverges()
    {
        JsonElement little = Run("--policy", "KeyNorm", "--keep", "0.1");
        Assert.True(little.GetProperty("kl").GetDouble() > 1e-3);
        Assert.True(Run().GetProperty("tokens").GetInt32() > little.GetProperty("tokens").GetInt32());
    }

    [Fact]
    public void Bad_arguments_are_refused()
    {
        string file = _folder.Write("text", "a");
        InProcess.Run("perplexity", "--model", "embedded", "--file", file).Refuses(2, "too few to score");
        InProcess.Run("perplexity", "--model", "embedded", "--file", file, "--window", "3").Refuses(2, "--window '3'");
        InProcess.Run("perplexity", "--model", "embedded", "--file", file, "--window", "99999").Refuses(2, "--window 99999", "context");
        InProcess.Run("perplexity", "--model", "embedded").Refuses(2, "--file is missing");
        File.WriteAllBytes(_folder["latin"], [0xE9]);
        InProcess.Run("perplexity", "--model", "embedded", "--file", _folder["latin"]).Refuses(2, "byte 0 is not UTF-8");
    }
}
