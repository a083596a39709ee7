using System.Text.Json;
using KvPolicy.Cli.Tests.Support;
using KvPolicy.Cli.Verification;
using KvPolicy.Inference.Loading;
using KvPolicy.Inference.Loading.Safetensors;
using KvPolicy.Inference.Models;

namespace KvPolicy.Cli.Tests.Commands;

public sealed class LogitsTests : IDisposable
{
    private const int Vocabulary = 1126;
    private static readonly int[] Ids = [1, .. Enumerable.Range(0, 40).Select(i => 600 + i * 37 % 500)];
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private CliResult Logits(params string[] more)
        => InProcess.Run(["logits", "--model", "embedded", "--tokens", _folder.Write("ids", JsonSerializer.Serialize(Ids)), "--output", _folder["o"], .. more]);

    private float[][] Rows(params string[] more)
    {
        CliResult result = Logits(more);
        Assert.True(result.Code == 0, result.Error);
        using var file = SafetensorsFile.Open(_folder["o"]);
        Assert.Equal(Vocabulary, file.Get("logits").Shape[1]);
        return [.. file.ReadF32("logits").Chunk(Vocabulary)];
    }

    [Fact]
    public void Rows_are_those_of_the_naive_transformer()
    {
        using Model model = ModelLoader.Load(ModelLoader.Embedded);
        var naive = new NaiveTransformer(model);
        NaiveSequence sequence = naive.Begin();
        float[][] all = Rows(), fed = Rows("--prefill", "30");
        Assert.Equal((Ids.Length, Ids.Length - 29), (all.Length, fed.Length));
        for (int row = 0; row < Ids.Length; row++)
        {
            double[] expected = naive.Step(sequence, Ids[row]);
            for (int i = 0; i < Vocabulary; i++)
            {
                Assert.Equal(expected[i], all[row][i], 1e-4);
                if (row >= 29) Assert.Equal(expected[i], fed[row - 29][i], 1e-4);
            }
        }
    }

    [Fact]
    public void A_compressed_prompt_changes_later_rows_only()
    {
        float[][] full = Rows("--prefill", "30"), compressed = Rows("--prefill", "30", "--policy", "KeyNorm", "--keep-tokens", "4");
        Assert.Equal(full[0], compressed[0]);
        Assert.All(Enumerable.Range(1, full.Length - 1), row => Assert.NotEqual(full[row], compressed[row]));
        Assert.Equal(["ids", "o"], _folder.Names);
    }

    [Fact]
    public void The_shots_of_fed_tokens_are_ignored()
    {
        int[] map = [.. Enumerable.Range(0, Ids.Length).Select(i => i < 12 ? 0 : i < 28 ? 1 : -1)], other = [.. map.Select((s, i) => i < 30 ? s : 7)];
        string[] shot = ["--prefill", "30", "--policy", "ShotKv", "--keep", "0.6", "--shot-map"];
        Assert.Equal(Rows([.. shot, _folder.Write("a", JsonSerializer.Serialize(map))]), Rows([.. shot, _folder.Write("b", JsonSerializer.Serialize(other))]));
    }

    [Fact]
    public void Bad_arguments_are_refused_and_leave_nothing()
    {
        string tokens = _folder.Write("bad", "[1, 99999]");
        InProcess.Run("logits", "--model", "embedded", "--tokens", tokens, "--output", _folder["o"]).Refuses(2, "entry 1 is 99999", "from 0 to 1125");
        InProcess.Run("logits", "--model", "embedded", "--tokens", _folder.Write("bad", "[]"), "--output", _folder["o"]).Refuses(2, "holds no ids");
        InProcess.Run("logits", "--model", "embedded", "--tokens", _folder.Write("bad", "[1"), "--output", _folder["o"]).Refuses(2, "is not JSON");
        InProcess.Run("logits", "--model", "embedded", "--tokens", _folder.Write("bad", JsonSerializer.Serialize(Enumerable.Repeat(1, 5000))), "--output", _folder["o"]).Refuses(2, "holds 5000 ids", "context");
        InProcess.Run("logits", "--model", "embedded", "--output", _folder["o"]).Refuses(2, "--tokens is missing");
        Logits("--prefill", "42").Refuses(2, "--prefill 42", "41 ids");
        Logits("--prefill", "0").Refuses(2, "--prefill '0'");
        Logits("--prefill", "30", "--shot-map", _folder.Write("map", "[0]")).Refuses(2, "1 numbers for 41 tokens");
        Logits("--output", "twice").Refuses(2, "--output was given twice");
        Assert.Equal(["bad", "ids", "map"], _folder.Names);
    }
}
