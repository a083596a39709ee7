using System.Text.Json;
using KvPolicy.Cli.Tests.Support;

namespace KvPolicy.Cli.Tests.Inspections;

public sealed class InspectTests : IDisposable
{
    private const string Shots = " Q : flag of desia ? [ blue gold teal pink ] A : desia pink .<sep> Q : flag of norin ? [ blue gold teal pink ] A : norin blue .<sep>";
    private const string Question = " Q : flag of desia ? [ blue gold teal pink ] A :";
    private static readonly string[] Run = ["inspect", "--model", "embedded", "--device", "cpu"];
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private static CliResult Inspect(params string[] more) => InProcess.Run([.. Run, .. more]);

    private static int[] Numbers(JsonElement array) => [.. array.EnumerateArray().Select(number => number.GetInt32())];

    [Fact]
    public void The_JSON_is_that_of_run_and_what_each_head_kept()
    {
        string[] words = ["--special", "--prompt", Shots + Question, "--shots", "<sep>", "--policy", "H2O", "--keep", "0.4", "--max-tokens", "12", "--temperature", "9", "--seed", "2", "--json"];
        JsonElement json = Inspect(words).Json, run = InProcess.Run(["run", "--model", "embedded", "--device", "cpu", .. words]).Json;
        foreach (string name in new[] { "text", "tokenIds", "promptTokens", "generatedTokens", "stop" }) Assert.Equal(run.GetProperty(name).GetRawText(), json.GetProperty(name).GetRawText());
        foreach (string name in new[] { "kept", "keptEnd", "policy", "device" }) Assert.Equal(run.GetProperty("receipt").GetProperty(name).GetRawText(), json.GetProperty("receipt").GetProperty(name).GetRawText());
        int prompt = json.GetProperty("promptTokens").GetInt32(), cached = json.GetProperty("cachedTokens").GetInt32(), k = json.GetProperty("budget").GetInt32();
        Assert.Equal((int)(0.4m * prompt), k);
        Assert.Equal(prompt + json.GetProperty("generatedTokens").GetInt32(), json.GetProperty("tokens").GetArrayLength());
        Assert.Equal([-1, 0, 1], json.GetProperty("tokens").EnumerateArray().Select(token => token.GetProperty("shot").GetInt32()).Distinct().Order());
        foreach (JsonElement head in json.GetProperty("heads").EnumerateArray().SelectMany(layer => layer.EnumerateArray()))
        {
            int[] kept = Numbers(head.GetProperty("kept")), end = Numbers(head.GetProperty("keptEnd")), safe = Numbers(head.GetProperty("protected"));
            Assert.Equal((k, k), (kept.Length, end.Length));
            Assert.All(kept, position => Assert.InRange(position, 0, prompt - 1));
            Assert.All(end, position => Assert.InRange(position, 0, cached - 1));
            // H2O protects the newest half of the budget, and of the others those with the most attention stay.
            Assert.Equal(Enumerable.Range(prompt - k / 2, k / 2), safe);
            double[] scores = [.. head.GetProperty("scores").EnumerateArray().Select(score => score.GetDouble())];
            Assert.Equal(Enumerable.Range(0, prompt - k / 2).OrderByDescending(p => scores[p]).ThenBy(p => p).Take(k - k / 2).Order(), kept.Except(safe));
        }
    }

    [Fact]
    public void The_summary_marks_what_all_some_and_no_heads_kept()
    {
        string[] words = ["--special", "--prompt", Shots + Question, "--shots", "<sep>", "--policy", "ShotKv", "--keep", "0.7", "--set", "sinks=0", "--max-tokens", "3"];
        JsonElement json = Inspect([.. words, "--json"]).Json;
        string text = Inspect(words).Out;
        // Tokens outside shots always stay; the program marks runs, so each token's mark is read back from the brackets.
        string marked = Assert.Single(text.Split('\n'), line => line.Contains("<bos>", StringComparison.Ordinal));
        Assert.StartsWith("⟦<bos>⟧", marked, StringComparison.Ordinal);
        Assert.EndsWith($"⟦{Question}⟧", marked, StringComparison.Ordinal);
        int[] keepers = new int[json.GetProperty("promptTokens").GetInt32()];
        int heads = 0;
        foreach (JsonElement head in json.GetProperty("heads").EnumerateArray().SelectMany(layer => layer.EnumerateArray()))
        {
            heads++;
            foreach (int position in Numbers(head.GetProperty("kept"))) keepers[position]++;
        }

        string expected = "";
        for (int i = 0; i < keepers.Length;)
        {
            (string open, string close) = keepers[i] == heads ? ("⟦", "⟧") : keepers[i] > 0 ? ("⟨", "⟩") : ("", "");
            expected += open;
            for (int first = keepers[i]; i < keepers.Length && Kind(keepers[i]) == Kind(first); i++) expected += json.GetProperty("tokens")[i].GetProperty("text").GetString();
            expected += close;
        }

        Assert.Equal(expected, marked);
        Assert.Contains($"{keepers.Count(n => n == heads)} of {keepers.Length} tokens are kept by all heads, {keepers.Count(n => n > 0)} by at least one", text, StringComparison.Ordinal);
        Assert.Contains("  whole shots", text, StringComparison.Ordinal);
        Assert.Contains("100.0 %", text, StringComparison.Ordinal);
        Assert.DoesNotContain("\e", text, StringComparison.Ordinal);

        int Kind(int n) => n == heads ? 2 : n > 0 ? 1 : 0;
    }

    [Fact]
    public void One_head_is_shown_in_both_phases()
    {
        string[] words = ["--prompt", Question, "--policy", "StreamingLlm", "--keep", "0.5", "--set", "sinks=2", "--max-tokens", "6", "--temperature", "9", "--seed", "2"];
        string text = Inspect([.. words, "--layer", "3", "--head", "1"]).Out;
        Assert.Contains("layer 3, KV head 1, after the prefill: ", text, StringComparison.Ordinal);
        Assert.Contains("layer 3, KV head 1, at the end of decoding: ", text, StringComparison.Ordinal);
        string[] marked = [.. text.Split('\n').Where(line => line.Contains("<bos>", StringComparison.Ordinal))];
        Assert.All(marked, line => Assert.StartsWith("⟦<bos>", line, StringComparison.Ordinal));
        Assert.EndsWith("A :⟧", marked[0], StringComparison.Ordinal);
        Assert.EndsWith("›", marked[1], StringComparison.Ordinal);
        string both = Inspect([.. words, "--layer", "3"]).Out;
        Assert.Contains("layer 3, KV head 0, after", both, StringComparison.Ordinal);
        Assert.Contains("layer 3, KV head 1, after", both, StringComparison.Ordinal);
        Assert.DoesNotContain("layer 2", both, StringComparison.Ordinal);
    }

    [Fact]
    public void What_lies_outside_shots_does_not_compete_and_later_the_whole_prompt()
    {
        JsonElement json = Inspect("--special", "--prompt", Shots + Question, "--shots", "<sep>", "--policy", "ShotKv", "--keep", "0.7", "--max-tokens", "9", "--temperature", "9", "--seed", "2", "--json").Json;
        int prompt = json.GetProperty("promptTokens").GetInt32(), cached = json.GetProperty("cachedTokens").GetInt32();
        Assert.True(cached > prompt + 2, "the model ended its turn too early for this test");
        int[] outside = [.. json.GetProperty("tokens").EnumerateArray().Take(prompt).Index().Where(token => token.Index < 4 || token.Item.GetProperty("shot").GetInt32() < 0).Select(token => token.Index)];
        foreach (JsonElement head in json.GetProperty("heads").EnumerateArray().SelectMany(layer => layer.EnumerateArray()))
        {
            Assert.Equal(outside, Numbers(head.GetProperty("protected")));
            Assert.Equal([.. Numbers(head.GetProperty("kept")), cached - 1], Numbers(head.GetProperty("protectedEnd")));
        }
    }

    [Fact]
    public void A_full_cache_is_shown_too_and_notes_say_what_is_missing()
    {
        Assert.Contains("no policy: the full cache", Inspect("--prompt", Question, "--max-tokens", "0").Out, StringComparison.Ordinal);
        JsonElement all = Inspect("--prompt", Question, "--max-tokens", "0", "--policy", "KeepAll", "--json").Json;
        Assert.False(all.GetProperty("hasScores").GetBoolean());
        Assert.Contains(all.GetProperty("notes").EnumerateArray(), note => note.GetString()!.Contains("KeepAll evicts nothing", StringComparison.Ordinal));
        JsonElement chunks = Inspect("--prompt", Question, "--max-tokens", "0", "--policy", "SnapKv", "--schedule", "chunk", "--json").Json;
        Assert.Contains(chunks.GetProperty("notes").EnumerateArray(), note => note.GetString()!.Contains("last chunk", StringComparison.Ordinal));
    }

    [Fact]
    public void The_kernels_on_the_simulator_show_positions_and_say_that_they_record_no_scores()
    {
        string[] words = ["--prompt", " Q : flag ?", "--max-tokens", "0", "--policy", "KeyNorm", "--keep", "0.5", "--json"];
        JsonElement host = Inspect(words).Json, simulated = InProcess.Run(["inspect", "--model", "embedded", "--device", "simulator", .. words]).Json;
        Assert.False(simulated.GetProperty("hasScores").GetBoolean());
        Assert.Contains(simulated.GetProperty("notes").EnumerateArray(), note => note.GetString()!.Contains("scores are recorded on the device cpu only", StringComparison.Ordinal));
        Assert.Equal(Kept(host), Kept(simulated));

        static string Kept(JsonElement json) => string.Join(' ', json.GetProperty("heads").EnumerateArray().SelectMany(layer => layer.EnumerateArray()).Select(head => head.GetProperty("kept").GetRawText()));
    }

    [Fact]
    public void Bad_arguments_are_refused_and_leave_no_page()
    {
        Inspect("--prompt", "a", "--layer", "4").Refuses(2, "--layer '4'", "0 to 3");
        Inspect("--prompt", "a", "--layer", "0", "--head", "2").Refuses(2, "--head '2'", "0 to 1");
        Inspect("--prompt", "a", "--layer", "-1").Refuses(2, "--layer '-1'");
        Inspect("--prompt", "a", "--head", "0").Refuses(2, "--head means nothing without --layer");
        Inspect("--prompt", "a", "--layer", "0", "--json").Refuses(2, "--json holds every layer and head");
        Inspect("--prompt", "a", "--html", _folder.Path).Refuses(2, "is a folder");
        Inspect("--prompt", "a", "--html", "").Refuses(2, "--html: the path is empty");
        Inspect("--prompt", "a", "--html", _folder["no/such/place.html"]).Refuses(2, "cannot be written");
        _folder.Write("old.html", "old");
        Inspect("--prompt", "a", "--layer", "9", "--html", _folder["old.html"]).Refuses(2, "--layer '9'");
        Assert.Equal("old", File.ReadAllText(_folder["old.html"]));
        Assert.Equal(["old.html"], _folder.Names);
    }
}
