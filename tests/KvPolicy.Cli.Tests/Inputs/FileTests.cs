using System.Text;
using KvPolicy.Cli.CommandLine;
using KvPolicy.Cli.Inputs;
using KvPolicy.Cli.Tests.Support;

namespace KvPolicy.Cli.Tests.Inputs;

public sealed class FileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private static void Refused(string part, Action read)
        => Assert.Contains(part, Assert.Throws<UsageException>(read).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("")]
    [InlineData("line\r\nline\r\n")]
    [InlineData("no newline at the end")]
    [InlineData("\n\n two \t")]
    [InlineData("caf\u00e9 \U0001F600")]
    public void A_text_file_is_taken_byte_for_byte(string text)
    {
        File.WriteAllBytes(_folder["plain"], Encoding.UTF8.GetBytes(text));
        File.WriteAllBytes(_folder["bom"], [.. Encoding.UTF8.Preamble, .. Encoding.UTF8.GetBytes(text)]);
        Assert.Equal(text, TextFile.Read("--prompt-file", _folder["plain"]));
        Assert.Equal(text, TextFile.Read("--prompt-file", _folder["bom"]));
    }

    [Fact]
    public void Bytes_that_are_no_text_are_refused_with_their_place()
    {
        File.WriteAllBytes(_folder["x"], [0xEF, 0xBB, 0xBF, (byte)'a', 0xFF]);
        Refused("byte 4 is not UTF-8", () => TextFile.Read("--prompt-file", _folder["x"]));
    }

    [Fact]
    public void A_folder_is_refused() => Refused("is a folder", () => TextFile.Read("--prompt-file", _folder.Path));

    [Fact]
    public void An_absent_file_is_refused() => Refused("no such file", () => TextFile.Read("--prompt-file", _folder["none"]));

    [Fact]
    public void Numbers_are_read() => Assert.Equal([3, -1, 0], JsonFile.Numbers("--shot-map", _folder.Write("n", "\uFEFF [3, -1, 0] "), "shot", -1, 9));

    [Theory]
    [InlineData("", "is not JSON")]
    [InlineData("[1, 2", "is not JSON")]
    [InlineData("[1, 2,]", "is not JSON")]
    [InlineData("{\"ids\": [1]}", "not an array of whole numbers")]
    [InlineData("[1, 1.5]", "entry 1 is 1.5")]
    [InlineData("[10]", "entry 0 is 10")]
    [InlineData("[-2]", "entry 0 is -2")]
    [InlineData("[99999999999]", "entry 0 is 99999999999")]
    [InlineData("[[1]]", "entry 0 is a json array")]
    [InlineData("[\"1\"]", "entry 0 is a json string")]
    [InlineData("[null]", "entry 0 is null")]
    public void Wrong_numbers_are_refused_with_their_place(string json, string part)
        => Refused(part, () => JsonFile.Numbers("--tokens", _folder.Write("n", json), "token id", -1, 9));

    [Fact]
    public void Nesting_without_end_is_refused() => Refused("is not JSON", () => JsonFile.Numbers("--tokens", _folder.Write("n", new string('[', 100_000)), "token id", 0, 9));

    [Fact]
    public void Texts_are_read() => Assert.Equal(["a\r\n", "", "\U0001F600"], JsonFile.Texts("--file", _folder.Write("t", "[\"a\\r\\n\", \"\", \"\\ud83d\\ude00\"]")));

    [Theory]
    [InlineData("[\"a\", 1]", "entry 1 is a JSON number")]
    [InlineData("[\"\\ud83d\"]", "half of a surrogate pair")]
    public void Wrong_texts_are_refused_with_their_place(string json, string part)
        => Refused(part, () => JsonFile.Texts("--file", _folder.Write("t", json)));
}
