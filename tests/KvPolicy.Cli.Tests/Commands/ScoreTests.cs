using System.Text.Json;
using KvPolicy.Cli.Tests.Support;
using KvPolicy.Inference.Loading.Safetensors;

namespace KvPolicy.Cli.Tests.Commands;

public sealed class ScoreTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private CliResult Score(string input, params string[] more) => InProcess.Run(["score", "--policy", "KeyNorm", "--input", input, "--output", _folder["o"], .. more]);

    [Fact]
    public void Kept_sets_and_scores_are_written()
    {
        string input = Tensors.Write(_folder, "i", Tensors.Layer());
        JsonElement summary = Score(input, "--keep", "0.1", "--decode-steps", "3", "--json").Json;
        Assert.Equal("[[3,3]]", summary.GetProperty("kept").GetRawText());
        using var output = SafetensorsFile.Open(_folder["o"]);
        Assert.Equal([1, 2, 40], output.Get("kept").Shape);
        Assert.Equal([3, 1, 2, 40], output.Get("keptSteps").Shape);
        Assert.Equal(6, output.ReadU8("kept").Sum(b => b));
        float[] scores = output.ReadF32("scores");
        for (int i = 0; i < scores.Length; i++) Assert.Equal(i % 40 >= 37, float.IsNaN(scores[i]));
        Assert.Equal(["i", "o"], _folder.Names);
    }

    [Fact]
    public void Steps_whose_kept_sets_no_array_could_hold_are_refused_before_the_work()
    {
        string input = Tensors.Write(_folder, "i", Tensors.Random("queries", 2, 4, 17_000, 1), Tensors.Random("keys", 2, 4, 17_000, 1), Tensors.Random("values", 2, 4, 17_000, 1));
        Score(input, "--decode-steps", "16000").Refuses(2, "--decode-steps 16000", "[16000, 2, 4, 17000]");
        Assert.Equal(["i"], _folder.Names);
    }

    [Fact]
    public void A_layer_axis_may_lead()
    {
        string input = Tensors.Write(_folder, "i", Tensors.Random("queries", 2, 4, 10, 8), Tensors.Random("keys", 2, 2, 10, 8), Tensors.Random("values", 2, 2, 10, 8));
        Assert.Equal("[[2,2],[2,2]]", Score(input, "--keep-tokens", "2", "--json").Json.GetProperty("kept").GetRawText());
    }

    [Fact]
    public void Unknown_tensors_are_refused_by_name()
        => Score(Tensors.Write(_folder, "i", [.. Tensors.Layer(), Tensors.Random("o_proj", 4)])).Refuses(1, "o_proj", "queries, keys, values, shots, positions");

    [Fact]
    public void Missing_tensors_are_refused_by_name() => Score(Tensors.Write(_folder, "i", Tensors.Layer()[..2])).Refuses(1, "values", "missing");

    [Fact]
    public void Shapes_that_do_not_fit_are_refused_with_both()
    {
        Score(Tensors.Write(_folder, "a", Tensors.Random("queries", 4, 40, 8), Tensors.Random("keys", 2, 41, 8), Tensors.Random("values", 2, 41, 8))).Refuses(1, "queries", "[1, 4, 40, 8]", "[1, 2, 41, 8]");
        Score(Tensors.Write(_folder, "b", Tensors.Random("queries", 3, 40, 8), Tensors.Random("keys", 2, 40, 8), Tensors.Random("values", 2, 40, 8))).Refuses(1, "3 heads", "2 KV heads");
        Score(Tensors.Write(_folder, "c", Tensors.Random("queries", 40, 8), Tensors.Random("keys", 2, 40, 8), Tensors.Random("values", 2, 40, 8))).Refuses(1, "queries", "[40, 8]");
        Score(Tensors.Write(_folder, "d", [.. Tensors.Layer(), Tensors.Whole("shots", 0, 1)])).Refuses(1, "shots", "[40]");
        Score(Tensors.Write(_folder, "e", [.. Tensors.Layer(length: 2), Tensors.Whole("shots", 0, -2)])).Refuses(1, "shots", "entry 1 is -2");
        Score(Tensors.Write(_folder, "f", Tensors.Layer(length: 0))).Refuses(1, "no size may be 0");
        Assert.DoesNotContain("o", _folder.Names);
    }

    [Fact]
    public void Numbers_that_are_not_finite_are_refused_with_their_place()
    {
        (SafetensorsSpec Spec, Array Data)[] layer = Tensors.Layer();
        ((float[])layer[1].Data)[5] = float.NaN;
        Score(Tensors.Write(_folder, "i", layer)).Refuses(1, "keys", "entry 5");
    }

    [Fact]
    public void A_file_that_is_no_safetensors_is_refused()
    {
        Score(_folder.Write("i", "{}")).Refuses(1, _folder["i"]);
        Score(_folder.Path).Refuses(1, "folder");
        Score(_folder["none"]).Refuses(1, "none", "no such file");
    }

    [Fact]
    public void Bad_arguments_are_refused()
    {
        string input = Tensors.Write(_folder, "i", Tensors.Layer());
        Score(input, "--keep", "1.5").Refuses(2, "--keep '1.5'", "above 0, at most 1");
        Score(input, "--keep", "0").Refuses(2, "--keep '0'");
        Score(input, "--keep", "0,5").Refuses(2, "--keep '0,5'");
        Score(input, "--keep", "0.5", "--keep-tokens", "4").Refuses(2, "--keep and --keep-tokens");
        Score(input, "--decode-keep", "0.5", "--decode-keep-tokens", "4").Refuses(2, "--decode-keep and --decode-keep-tokens");
        Score(input, "--keep-tokens", "0").Refuses(2, "--keep-tokens '0'");
        Score(input, "--decode-steps", "40").Refuses(2, "--decode-steps 40", "40 rows");
        Score(input, "--decode-steps", "-1").Refuses(2, "--decode-steps '-1'");
        Score(input, "--set", "window=5").Refuses(2, "KeyNorm", "'window'", "sinks", "recent");
        Score(input, "--set", "sinks=1.0").Refuses(2, "sinks=1.0", "whole number");
        Score(input, "--set", "sinks=-1").Refuses(2, "sinks=-1", "from 0 to");
        Score(input, "--set", "sinks").Refuses(2, "--set 'sinks'", "NAME=VALUE");
        Score(input, "--set", "sinks=1", "--set", "sinks=1").Refuses(2, "--set sinks was given twice");
        Score(input, "--rope-theta", "0").Refuses(2, "--rope-theta '0'");
        Score(input, "--threads", "0").Refuses(2, "--threads '0'");
        InProcess.Run("score", "--policy", "KeyNrom", "--input", input, "--output", _folder["o"]).Refuses(2, "'KeyNrom'", "did you mean KeyNorm?", "StreamingLlm");
        InProcess.Run("score", "--input", input, "--output", _folder["o"]).Refuses(2, "--policy is missing");
        Assert.Equal(["i"], _folder.Names);
    }

    [Fact]
    public void An_output_that_cannot_be_written_is_refused_and_the_old_file_stays()
    {
        string input = Tensors.Write(_folder, "i", Tensors.Layer());
        InProcess.Run("score", "--policy", "KeyNorm", "--input", input, "--output", _folder.Path).Refuses(2, "is a folder");
        InProcess.Run("score", "--policy", "KeyNorm", "--input", input, "--output", _folder["no/o"]).Refuses(2, "cannot be written");
        _folder.Write("o", "old");
        Score(input, "--decode-steps", "99").Refuses(2, "99");
        Assert.Equal("old", File.ReadAllText(_folder["o"]));
    }
}
