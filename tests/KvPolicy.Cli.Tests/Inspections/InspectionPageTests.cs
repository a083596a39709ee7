using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using KvPolicy.Cli.Tests.Support;

namespace KvPolicy.Cli.Tests.Inspections;

/// <summary>The page without a browser: well-formed, self-contained, and its data is the JSON's.</summary>
public sealed partial class InspectionPageTests : IDisposable
{
    private const string Hostile = "</script><script>alert(1)</script> {{data}} $& \" ' & \u2028 \U0001F600 \u05E9\r\n<!--";
    private static readonly string[] Void = ["meta", "input"];
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private (string Page, JsonElement Json) Make(string prompt, params string[] more)
    {
        JsonElement json = InProcess.Run(["inspect", "--model", "embedded", "--device", "cpu", "--prompt", prompt, "--html", _folder["p.html"], "--json", .. more]).Json;
        return (File.ReadAllText(_folder["p.html"]), json);
    }

    private static string Between(string text, string open, string close)
    {
        int start = text.IndexOf(open, StringComparison.Ordinal) + open.Length;
        return text[start..text.IndexOf(close, start, StringComparison.Ordinal)];
    }

    private static JsonElement DataOf(string page) => JsonDocument.Parse(Between(page, "id=\"data\">", "</script>")).RootElement;

    [Fact]
    public void Its_data_is_what_the_JSON_says()
    {
        (string page, JsonElement json) = Make(" Q : flag of desia ? [ blue gold teal pink ] A :", "--policy", "H2O", "--keep", "0.5", "--max-tokens", "9", "--temperature", "9", "--seed", "2", "--layer", "2", "--head", "1");
        JsonElement data = DataOf(page);
        Assert.Equal((2, 1), (data.GetProperty("view").GetProperty("layer").GetInt32(), data.GetProperty("view").GetProperty("head").GetInt32()));
        (int layers, int kvHeads) = (data.GetProperty("layers").GetInt32(), data.GetProperty("kvHeads").GetInt32());
        (int prompt, int length) = (json.GetProperty("promptTokens").GetInt32(), json.GetProperty("tokens").GetArrayLength());
        Assert.Equal(json.GetProperty("tokens").EnumerateArray().Select(token => token.GetProperty("text").GetString()), data.GetProperty("texts").EnumerateArray().Select(text => text.GetString()));
        byte[] scores = data.GetProperty("scores").GetBytesFromBase64();
        Assert.Equal(layers * kvHeads * prompt * 4, scores.Length);
        for (int row = 0; row < layers * kvHeads; row++)
        {
            JsonElement head = json.GetProperty("heads")[row / kvHeads][row % kvHeads];
            foreach (string name in new[] { "kept", "keptEnd", "protected", "protectedEnd" })
            {
                byte[] bits = data.GetProperty(name).GetBytesFromBase64();
                int start = row * ((length + 7) / 8);
                Assert.Equal(head.GetProperty(name).EnumerateArray().Select(p => p.GetInt32()), Enumerable.Range(0, length).Where(p => (bits[start + p / 8] >> p % 8 & 1) == 1));
            }

            for (int p = 0; p < prompt; p++) Assert.Equal(head.GetProperty("scores")[p].GetSingle(), BinaryPrimitives.ReadSingleLittleEndian(scores.AsSpan((row * prompt + p) * 4)));
        }
    }

    [Fact]
    public void A_score_that_is_absent_is_not_a_number()
    {
        (string page, JsonElement json) = Make(" Q : flag of desia ? A :", "--policy", "SnapKv", "--keep", "0.5", "--set", "recent=3", "--max-tokens", "0");
        byte[] scores = DataOf(page).GetProperty("scores").GetBytesFromBase64();
        JsonElement first = json.GetProperty("heads")[0][0].GetProperty("scores");
        Assert.Contains(first.EnumerateArray(), score => score.ValueKind == JsonValueKind.Null);
        for (int p = 0; p < first.GetArrayLength(); p++) Assert.Equal(first[p].ValueKind == JsonValueKind.Null, float.IsNaN(BinaryPrimitives.ReadSingleLittleEndian(scores.AsSpan(p * 4))));
    }

    [Theory]
    [InlineData(" Q : flag ?")]
    [InlineData(Hostile)]
    public void It_is_well_formed_and_asks_for_nothing(string prompt)
    {
        (string page, JsonElement json) = Make(prompt, "--policy", "KeyNorm", "--keep", "0.5", "--max-tokens", "1");
        string markup = Closed().Replace(page, "<$1></$1>");
        var open = new Stack<string>();
        foreach (Match tag in Tag().Matches(markup))
        {
            string name = tag.Groups[2].Value;
            if (tag.Groups[1].Value == "/") Assert.Equal(open.Pop(), name);
            else if (!Void.Contains(name)) open.Push(name);
        }

        Assert.Empty(open);
        Assert.StartsWith("<!DOCTYPE html>\n<html lang=\"en\">", page, StringComparison.Ordinal);
        Assert.Equal(2, ScriptTag().Count(page));
        Assert.DoesNotMatch("(?i)https?:|url\\(|@import|(src|href)\\s*=|fetch\\(|XMLHttpRequest|innerHTML|\\beval\\b", page);
        Assert.DoesNotMatch("\\{\\{[a-z]", Closed().Replace(page, ""));
        Assert.All(Between(page, "id=\"data\">", "</script>"), c => Assert.True(c is >= ' ' and < '\u007F' and not '<' and not '>' and not '&'));
        Assert.Contains(prompt, string.Concat(DataOf(page).GetProperty("texts").EnumerateArray().Select(text => text.GetString())), StringComparison.Ordinal);
        Assert.Equal(json.GetProperty("promptTokens").GetInt32(), DataOf(page).GetProperty("promptTokens").GetInt32());
    }

    [Fact]
    public void Its_policy_allows_its_own_style_and_script_by_their_hashes_alone()
    {
        (string page, _) = Make(" Q : flag ?", "--max-tokens", "0");
        string policy = Between(page, "Content-Security-Policy\" content=\"", "\">");
        Assert.StartsWith("default-src 'none'; ", policy, StringComparison.Ordinal);
        Assert.DoesNotContain("unsafe", policy, StringComparison.Ordinal);
        foreach ((string directive, string content) in new[] { ("style-src", Between(page, "<style>", "</style>")), ("script-src", Between(page, "<script>", "</script>")) })
            Assert.Contains($"{directive} 'sha256-{Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(content)))}';", policy, StringComparison.Ordinal);
        Assert.DoesNotContain("\r", page, StringComparison.Ordinal);
    }

    [Fact]
    public void The_title_is_escaped()
    {
        string model = Path.Combine(_folder.Path, "<b>&'.bin");
        Directory.CreateDirectory(model);
        string source = Path.Combine(Repository.Root, "src", "KvPolicy.Inference", "Resources", "kvpolicy-tiny");
        foreach (string file in Directory.GetFiles(source)) File.CreateSymbolicLink(Path.Combine(model, Path.GetFileName(file)), file);
        CliResult run = InProcess.Run("inspect", "--model", model, "--device", "cpu", "--prompt", "a", "--max-tokens", "0", "--html", _folder["t.html"]);
        Assert.True(run.Code == 0, run.Error);
        string page = File.ReadAllText(_folder["t.html"]);
        Assert.Contains("&lt;b&gt;&amp;&#39;.bin</title>", page, StringComparison.Ordinal);
        Assert.DoesNotContain("<b>", page, StringComparison.Ordinal);
        Assert.DoesNotContain(_folder.Path, page, StringComparison.Ordinal);
    }

    [GeneratedRegex("<(script|style)[^>]*>.*?</\\1>", RegexOptions.Singleline)]
    private static partial Regex Closed();

    [GeneratedRegex("<(/?)([a-z0-9]+)(?:\\s[^>]*)?>")]
    private static partial Regex Tag();

    [GeneratedRegex("<script", RegexOptions.IgnoreCase)]
    private static partial Regex ScriptTag();
}
