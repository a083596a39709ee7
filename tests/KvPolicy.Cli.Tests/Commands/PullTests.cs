using KvPolicy.Cli.CommandLine;
using KvPolicy.Cli.Tests.Support;

namespace KvPolicy.Cli.Tests.Commands;

/// <summary>Arguments of <c>pull</c> and of a model of the hub; no request is made.</summary>
public class PullTests
{
    [Fact]
    public void A_model_must_be_named() => InProcess.Run("pull").Refuses(2, "ORG/NAME[@REVISION] is missing", "kvpolicy pull --help");

    [Fact]
    public void The_command_lines_of_its_page_parse()
    {
        string[] lines = [.. File.ReadAllLines(Path.Combine(Repository.Root, "docs", "models.md")).Where(line => line.StartsWith("kvpolicy ", StringComparison.Ordinal))];
        Assert.True(lines.Length >= 3);
        foreach (string[] words in lines.Select(ShellWords.Split)) ArgumentParser.Parse(ArgumentParser.Find(Application.Commands, words[1]), words.AsSpan(2));
    }

    [Fact]
    public void Only_one_model_is_taken() => InProcess.Run("pull", "org/a", "org/b").Refuses(2, "ORG/NAME[@REVISION] was given twice");

    [Theory]
    [InlineData("org/name/more")]
    [InlineData("https://huggingface.co/org/name")]
    [InlineData("../name")]
    public void What_is_no_name_is_refused(string name) => InProcess.Run("pull", name).Refuses(2, $"'{name}' is no model of the hub: expected ORG/NAME[@REVISION][:FILE.gguf]");

    [Theory]
    [InlineData("--file", "model.bin", "--file: 'model.bin' names no .gguf")]
    [InlineData("--file", "../m.gguf", "--file: '../m.gguf' names no .gguf")]
    [InlineData("--quant", "Q4 K", "--quant: 'Q4 K' is neither")]
    public void A_file_must_be_one_GGUF(string option, string value, string message) => InProcess.Run("pull", "org/name", option, value).Refuses(2, message);

    [Fact]
    public void A_file_is_named_once()
    {
        InProcess.Run("pull", "org/name", "--file", "m.gguf", "--quant", "Q8_0").Refuses(2, "--file and --quant were both given");
        InProcess.Run("pull", "org/name:m.gguf", "--quant", "Q8_0").Refuses(2, "org/name:m.gguf names its file already; leave --quant out");
    }

    [Theory]
    [InlineData("hf:")]
    [InlineData("hf:org/name@a b")]
    public void A_model_that_is_no_name_is_bad_arguments(string model)
        => InProcess.Run("tokenize", "--model", model, "--text", "x").Refuses(2, $"--model: '{model}'");
}
