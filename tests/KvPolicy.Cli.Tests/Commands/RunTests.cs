using System.Text.Json;
using KvPolicy.Cli.Tests.Support;
using KvPolicy.Policies;

namespace KvPolicy.Cli.Tests.Commands;

public sealed class RunTests : IDisposable
{
    private const string Shots = " Q : flag of desia ? [ blue gold teal pink ] A : desia pink .<sep> Q : flag of norin ? [ blue gold teal pink ] A : norin blue .<sep>";
    private const string Question = " Q : flag of desia ? [ blue gold teal pink ] A :";
    private static readonly string[] Model = ["run", "--model", "embedded"];
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private static CliResult Run(params string[] more) => InProcess.Run([.. Model, .. more]);

    private static JsonElement Json(params string[] more) => Run([.. more, "--json"]).Json;

    private static string Ids(JsonElement run) => run.GetProperty("tokenIds").GetRawText();

    [SkippableTheory]
    [InlineData("{{ messages[0].content", "chat template")]
    [InlineData("{% frobnicate %}", "frobnicate")]
    [InlineData("{{ raise_exception('only pairs') }}", "only pairs")]
    public void A_template_that_is_not_understood_is_refused_with_the_reason(string template, string reason)
    {
        using var folder = new TemporaryFolder();
        string source = Repository.Shared("models", "tiny", "llama");
        foreach (string name in (string[])["config.json", "model.safetensors", "tokenizer.json"]) File.CreateSymbolicLink(folder[name], Path.Combine(source, name));
        folder.Write("tokenizer_config.json", JsonSerializer.Serialize(new { chat_template = template }));
        CliResult run = InProcess.Run("run", "--model", folder.Path, "--chat", "--prompt", "a");
        Assert.InRange(run.Code, 1, 2);
        run.Refuses(run.Code, "tokenizer.json", reason);
    }

    [Fact]
    public void The_receipt_writes_parameters_in_invariant_form()
    {
        JsonElement parameters = Json("--prompt", Question, "--policy", "ShotKv", "--set", "sinks=+07", "--set", "rows=all", "--max-tokens", "0")
            .GetProperty("receipt").GetProperty("policy").GetProperty("parameters");
        Assert.Equal(("7", "all"), (parameters.GetProperty("sinks").GetString(), parameters.GetProperty("rows").GetString()));
    }

    [Fact]
    public void The_answer_and_the_receipt_are_one_JSON_value()
    {
        JsonElement run = Json("--special", "--prompt", Shots + Question, "--policy", "ShotKv", "--keep", "0.7", "--set", "sinks=0", "--shots", "<sep>", "--max-tokens", "2");
        Assert.Equal(2, run.GetProperty("generatedTokens").GetInt32());
        Assert.Equal(run.GetProperty("generatedTokens").GetInt32(), run.GetProperty("tokenIds").GetArrayLength());
        Assert.Equal("length", run.GetProperty("stop").GetString());
        JsonElement receipt = run.GetProperty("receipt");
        Assert.Equal("cpu", receipt.GetProperty("device").GetString());
        Assert.Equal("ShotKv", receipt.GetProperty("policy").GetProperty("name").GetString());
        Assert.Equal("0.7", receipt.GetProperty("policy").GetProperty("parameters").GetProperty("keep").GetString());
        Assert.Equal("0", receipt.GetProperty("policy").GetProperty("parameters").GetProperty("sinks").GetString());
        int prompt = run.GetProperty("promptTokens").GetInt32();
        Assert.Equal(4, receipt.GetProperty("kept").GetArrayLength());
        foreach (JsonElement layer in receipt.GetProperty("kept").EnumerateArray())
        {
            Assert.Equal(2, layer.GetArrayLength());
            Assert.All(layer.EnumerateArray(), kept => Assert.InRange(kept.GetInt32(), 1, prompt - 1));
        }

        Assert.Contains(receipt.GetProperty("kernels").EnumerateArray(), k => k.GetProperty("launches").GetInt64() > 0);
        // Tokens x layers x KV heads x head size x keys and values x 4 bytes; the last token's key is never needed.
        Assert.Equal((prompt + 1L) * 4 * 2 * 32 * 2 * 4, receipt.GetProperty("cacheBytes").GetProperty("full").GetInt64());
        foreach (string name in (string[])["load", "prefill", "compress", "decode"]) Assert.True(receipt.GetProperty("seconds").GetProperty(name).GetDouble() >= 0);
    }

    [Fact]
    public void Text_streams_before_the_receipt()
    {
        CliResult run = Run("--special", "--prompt", Question, "--max-tokens", "8");
        Assert.Equal((0, ""), (run.Code, run.Error));
        string text = Json("--special", "--prompt", Question, "--max-tokens", "8").GetProperty("text").GetString()!;
        Assert.StartsWith(text + "\n", run.Out, StringComparison.Ordinal);
        Assert.Contains("none: the full cache", run.Out, StringComparison.Ordinal);
        Assert.DoesNotContain("\e", run.Out, StringComparison.Ordinal);
    }

    [Fact]
    public void A_prompt_file_is_the_prompt_byte_for_byte()
    {
        File.WriteAllBytes(_folder["p"], [0xEF, 0xBB, 0xBF, .. System.Text.Encoding.UTF8.GetBytes(Question)]);
        JsonElement file = Json("--prompt-file", _folder["p"], "--max-tokens", "5"), text = Json("--prompt", Question, "--max-tokens", "5");
        Assert.Equal(Ids(text), Ids(file));
        Assert.Equal(text.GetProperty("promptTokens").GetInt32(), file.GetProperty("promptTokens").GetInt32());
    }

    [Fact]
    public void Special_tokens_in_the_prompt_are_text_unless_asked_for()
    {
        int plain = Json("--prompt", "<sep>", "--max-tokens", "0").GetProperty("promptTokens").GetInt32();
        int special = Json("--prompt", "<sep>", "--max-tokens", "0", "--special").GetProperty("promptTokens").GetInt32();
        Assert.Equal(2, special);
        Assert.True(plain > special);
    }

    [Fact]
    public void Max_tokens_0_prefills_only()
    {
        JsonElement run = Json("--prompt", Question, "--policy", "KeyNorm", "--keep-tokens", "5", "--max-tokens", "0");
        Assert.Equal(0, run.GetProperty("generatedTokens").GetInt32());
        Assert.Equal("[[5,5],[5,5],[5,5],[5,5]]", run.GetProperty("receipt").GetProperty("kept").GetRawText());
        Assert.Equal(run.GetProperty("receipt").GetProperty("kept").GetRawText(), run.GetProperty("receipt").GetProperty("keptEnd").GetRawText());
    }

    [Fact]
    public void Threads_and_schedule_of_a_full_cache_change_no_id()
    {
        string[] prompt = ["--special", "--prompt", Shots + Question, "--max-tokens", "12"];
        string ids = Ids(Json(prompt));
        Assert.Equal(ids, Ids(Json([.. prompt, "--threads", "1"])));
        Assert.Equal(ids, Ids(Json([.. prompt, "--threads", "3"])));
        Assert.Equal(ids, Ids(Json([.. prompt, "--schedule", "chunk"])));
    }

    [Fact]
    public void Keep_1_gives_the_ids_of_no_policy()
    {
        string[] prompt = ["--special", "--prompt", Shots + Question, "--max-tokens", "12"];
        string ids = Ids(Json(prompt));
        foreach (PolicyInfo policy in Catalog.All) Assert.Equal(ids, Ids(Json([.. prompt, "--policy", policy.Name, "--keep", "1"])));
    }

    [Fact]
    public void A_seed_decides_what_is_drawn()
    {
        string[] drawn = ["--prompt", "Once", "--max-tokens", "12", "--temperature", "5"];
        Assert.Equal(Ids(Json([.. drawn, "--seed", "7"])), Ids(Json([.. drawn, "--seed", "7"])));
        Assert.NotEqual(Ids(Json([.. drawn, "--seed", "7"])), Ids(Json([.. drawn, "--seed", "8"])));
        Assert.Equal(Ids(Json([.. drawn, "--top-k", "1"])), Ids(Json("--prompt", "Once", "--max-tokens", "12")));
        Assert.Equal(Ids(Json([.. drawn, "--seed", "7"])), Ids(Json([.. drawn, "--seed", "7", "--top-k", "999999", "--top-p", "1"])));
    }

    [Fact]
    public void At_the_end_of_the_context_generation_stops()
    {
        int context = 0;
        using (Inference.Models.Model model = Inference.Loading.ModelLoader.Load("embedded")) context = model.Config.ContextLength;
        string prompt = string.Concat(Enumerable.Repeat(" flag", context - 3));
        JsonElement run = Json("--prompt", prompt, "--max-tokens", "100", "--temperature", "9", "--seed", "1", "--policy", "StreamingLlm", "--keep", "0.1");
        Assert.Equal(context - 2, run.GetProperty("promptTokens").GetInt32());
        Assert.Contains(run.GetProperty("stop").GetString(), (string[])["context", "eos"]);
        Run("--prompt", prompt + " flag flag flag").Refuses(2, $"{context + 1} tokens", $"holds {context}");
    }

    [Fact]
    public void A_prompt_without_shots_is_kept_whole_and_says_so()
    {
        JsonElement run = Json("--prompt", Question, "--policy", "ShotKv", "--keep", "0.4", "--max-tokens", "2");
        int prompt = run.GetProperty("promptTokens").GetInt32();
        Assert.All(run.GetProperty("receipt").GetProperty("kept").EnumerateArray().SelectMany(l => l.EnumerateArray()), k => Assert.Equal(prompt, k.GetInt32()));
        Assert.Contains(run.GetProperty("receipt").GetProperty("notes").EnumerateArray(), n => n.GetString()!.Contains("no shots", StringComparison.Ordinal));
    }

    [Fact]
    public void A_shot_map_equals_the_separator_that_it_was_made_from()
    {
        string[] prompt = ["--special", "--prompt", Shots + Question, "--policy", "ShotKv", "--keep", "0.7", "--max-tokens", "4"];
        JsonElement tokens = InProcess.Run("tokenize", "--model", "embedded", "--text", Shots + Question, "--json").Json;
        int shot = 0;
        var map = new List<int> { -1 };
        foreach (JsonElement id in tokens.EnumerateArray().Skip(1))
        {
            map.Add(shot < 2 ? shot : -1);
            if (id.GetInt32() == 2) shot++;
        }

        JsonElement bySeparator = Json([.. prompt, "--shots", "<sep>"]), byMap = Json([.. prompt, "--shot-map", _folder.Write("map", JsonSerializer.Serialize(map))]);
        Assert.Equal(Ids(bySeparator), Ids(byMap));
        Assert.Equal(bySeparator.GetProperty("receipt").GetProperty("kept").GetRawText(), byMap.GetProperty("receipt").GetProperty("kept").GetRawText());
    }

    [Fact]
    public void Bad_arguments_are_refused()
    {
        Run().Refuses(2, "--prompt or --prompt-file is missing");
        Run("--prompt", "a", "--prompt-file", "b").Refuses(2, "--prompt and --prompt-file");
        Run("--prompt-file", _folder.Path).Refuses(2, "is a folder");
        Run("--prompt", "a", "--policy", "SnapKV").Refuses(2, "'SnapKV'", "did you mean SnapKv?", "ShotKv");
        Run("--prompt", "a", "--keep", "0.5").Refuses(2, "--keep means nothing without --policy");
        Run("--prompt", "a", "--set", "window=5").Refuses(2, "--set means nothing without --policy");
        Run("--prompt", "a", "--policy", "SnapKv", "--keep", "0.5", "--keep-tokens", "9").Refuses(2, "--keep and --keep-tokens");
        Run("--prompt", "a", "--policy", "SnapKv", "--set", "pool=4").Refuses(2, "pool=4", "odd");
        Run("--prompt", "a", "--policy", "SnapKv", "--set", "pooling=median").Refuses(2, "pooling=median", "average or max");
        Run("--prompt", "a", "--shots", "").Refuses(2, "--shots: the separator is empty");
        Run("--prompt", "a", "--shots", "b", "--shot-map", "c").Refuses(2, "--shots and --shot-map");
        Run("--prompt", "a", "--shot-map", _folder.Write("m", "[0]")).Refuses(2, "holds 1 numbers for 2 tokens");
        Run("--prompt", "a", "--shot-map", _folder.Write("m", "[0, -2]")).Refuses(2, "entry 1 is -2");
        Run("--prompt", "a", "--temperature", "-1").Refuses(2, "--temperature '-1'");
        Run("--prompt", "a", "--temperature", "NaN").Refuses(2, "--temperature 'NaN'");
        Run("--prompt", "a", "--temperature", "0,5").Refuses(2, "--temperature '0,5'");
        Run("--prompt", "a", "--top-p", "0").Refuses(2, "--top-p '0'");
        Run("--prompt", "a", "--top-k", "-1").Refuses(2, "--top-k '-1'");
        Run("--prompt", "a", "--seed", "1.5").Refuses(2, "--seed '1.5'");
        Run("--prompt", "a", "--max-tokens", "-1").Refuses(2, "--max-tokens '-1'");
        Run("--prompt", "a", "--threads", "0").Refuses(2, "--threads '0'");
        Run("--prompt", "a", "--device", "tpu").Refuses(2, "--device 'tpu'", "auto, cpu, simulator, cuda, opencl");
        Run("--prompt", "a", "--cache", "int8").Refuses(2, "--cache 'int8'", "f32");
        Run("--prompt", "a", "--schedule", "both").Refuses(2, "--schedule 'both'", "layer, chunk");
        Run("--prompt", "a", "--chat").Refuses(2, "--chat", "embedded");
        InProcess.Run("run", "--model", _folder.Path, "--prompt", "a").Refuses(1, _folder.Path, "config.json");
        InProcess.Run("run", "--model", _folder.Write("x.gguf", "GGUX"), "--prompt", "a").Refuses(1, "x.gguf");
        InProcess.Run("run", "--model", "embedded", "--prompt", "a", "--model", "embedded").Refuses(2, "--model was given twice");
    }
}
