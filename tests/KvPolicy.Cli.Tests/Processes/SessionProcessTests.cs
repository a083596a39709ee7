using System.Globalization;
using System.Text.Json;
using KvPolicy.Cli.Tests.Support;

namespace KvPolicy.Cli.Tests.Processes;

/// <summary>A session that one process saves and another goes on with.</summary>
public sealed class SessionProcessTests : IDisposable
{
    private const int First = 5, Then = 7;
    private const string Shots = " Q : flag of desia ? [ blue gold teal pink ] A : desia pink .<sep> Q : flag of norin ? [ blue gold teal pink ] A : norin blue .<sep>";
    private const string Question = " Q : flag of desia ? [ blue gold teal pink ] A :";
    private static readonly Dictionary<string, string> Plain = [];
    private readonly TemporaryFolder _folder = new();

    private string File => _folder["talk.kvsession"];

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("KeepAll")]
    [InlineData("SnapKv", "--keep", "0.4", "--set", "pool=3")]
    [InlineData("H2O", "--keep-tokens", "20", "--decode-keep", "0.3")]
    [InlineData("StreamingLlm", "--keep", "0.5")]
    [InlineData("ShotKv", "--keep", "0.7", "--set", "sinks=2", "--shots", "<sep>")]
    public void Two_processes_generate_what_one_does(string policy, params string[] settings)
    {
        (string prompt, string want) = LongAnswer(["--policy", policy, .. settings]);
        JsonElement first = Process(["--prompt", prompt, "--special", "--policy", policy, .. settings, "--max-tokens", Text(First), "--save-session", File]);
        JsonElement second = Process(["--session", File, "--max-tokens", Text(Then)]);
        Assert.Equal(want, JsonSerializer.Serialize(Ids(first).Concat(Ids(second))));
        Assert.Equal(0, second.GetProperty("promptTokens").GetInt32());
        JsonElement receipt = second.GetProperty("receipt");
        Assert.Equal(policy, receipt.GetProperty("policy").GetProperty("name").GetString());
        Assert.Equal(first.GetProperty("receipt").GetProperty("policy").GetRawText(), receipt.GetProperty("policy").GetRawText());
        Assert.Equal(first.GetProperty("receipt").GetProperty("keptEnd").GetRawText(), receipt.GetProperty("kept").GetRawText());
    }

    [Fact]
    public void A_session_goes_on_with_a_prompt_and_is_saved_again_in_its_place()
    {
        JsonElement first = Run("--prompt", Shots + Question, "--special", "--max-tokens", "2", "--save-session", File);
        JsonElement second = Run("--session", File, "--prompt", Shots + Question, "--special", "--max-tokens", "2", "--save-session", File);
        string said = JsonSerializer.Serialize(Ids(second));
        // The same words as one prompt; the tokens of the first answer between them.
        using var engine = Inference.InferenceEngine.Load("embedded", new Inference.EngineOptions("cpu", Threads: 1));
        int[] words = [.. engine.Tokenizer.Encode(Shots + Question, new(ParseSpecial: true, AddSpecial: false)).Select(token => token.Id)];
        int[] whole = [.. engine.Tokenizer.Encode(Shots + Question, new(ParseSpecial: true, AddSpecial: true)).Select(token => token.Id), .. Ids(first), .. words];
        Assert.Equal(JsonSerializer.Serialize(engine.Generate(new Inference.GenerationRequest { Prompt = whole, MaxTokens = 2 }).TokenIds), said);
        Assert.Equal(words.Length, second.GetProperty("promptTokens").GetInt32());
        Assert.Equal(whole.Length + Ids(second).Length, Tokens());
        Assert.Single(Directory.GetFileSystemEntries(_folder.Path));

        int Tokens()
        {
            using Inference.GenerationSession session = engine.LoadSession(File);
            return session.TokenIds.Count;
        }
    }

    [Fact]
    public void A_disk_that_takes_no_more_leaves_no_part_of_a_session()
    {
        if (!OperatingSystem.IsLinux()) return;
        // The limit on a file's length stands for a full disk; without it the runtime's own files are refused too.
        string program = $"dotnet '{Path.Combine(AppContext.BaseDirectory, "KvPolicy.Cli.dll")}'";
        using var shell = System.Diagnostics.Process.Start("sh", ["-c", $"trap '' XFSZ; ulimit -f 16; export DOTNET_EnableWriteXorExecute=0; exec {program} run --model embedded --prompt '{Shots}' --max-tokens 1 --save-session '{File}' >/dev/null 2>&1"]);
        Assert.Equal(1, CliProcess.ExitCode(shell));
        Assert.Empty(Directory.GetFileSystemEntries(_folder.Path));
        Refused(1, ["--prompt", " Q", "--max-tokens", "1", "--save-session", "/dev/full"], "/dev/full", "free some space");
    }

    [Fact]
    public void What_a_session_is_not_is_refused_with_one_line()
    {
        Run("--prompt", Shots + Question, "--special", "--policy", "SnapKv", "--keep", "0.4", "--max-tokens", "2", "--save-session", File);
        Assert.Equal("SnapKv", Run("--session", File, "--policy", "SnapKv", "--max-tokens", "1").GetProperty("receipt").GetProperty("policy").GetProperty("name").GetString());
        Run("--session", File, "--policy", "SnapKv", "--keep", "0.4", "--max-tokens", "1");
        Refused(1, ["--session", File, "--policy", "H2O"], File, "compressed by SnapKv (keep 0.4)", "H2O");
        Refused(1, ["--session", File, "--policy", "SnapKv", "--keep", "0.5"], File, "keep 0.5");
        Refused(1, ["--session", _folder.Path], _folder.Path, "folder");
        Refused(1, ["--session", _folder["absent"]], "no such file");
        Refused(2, ["--session", File, "--schedule", "chunk"], "--schedule");
        Refused(2, ["--session", File, "--prompt", ""], "no tokens");
        Refused(2, ["--session", File, "--prompt", "a", "--chat"], "--chat");
        Refused(2, ["--session", File, "--shots", "]"], "--shots means nothing without a prompt");
        Refused(2, ["--session", ""], "--session: the path is empty");
        Refused(2, ["--save-session", File], "--prompt");
        Refused(2, ["--prompt", Question, "--save-session", _folder.Path], "--save-session", "folder");
        Refused(2, ["--prompt", " Q", "--max-tokens", "1", "--device", "simulator", "--save-session", _folder["new"]], "--device cpu");
        byte[] bytes = System.IO.File.ReadAllBytes(File);
        bytes[^100] ^= 1;
        System.IO.File.WriteAllBytes(_folder["flipped"], bytes);
        System.IO.File.WriteAllBytes(_folder["cut"], bytes[..^1]);
        Refused(1, ["--session", _folder["flipped"]], "flipped", "damaged");
        Refused(1, ["--session", _folder["cut"]], "cut", "damaged");
        Assert.Equal(3, Directory.GetFileSystemEntries(_folder.Path).Length);
    }

    [SkippableFact]
    public void A_chat_goes_on_in_its_template()
    {
        string model = Path.Combine(Repository.Shared("models", "SmolLM2-135M-Instruct"), "SmolLM2-135M-Instruct.Q4_1.gguf");
        string[] words = ["run", "--model", model, "--device", "cpu", "--max-tokens", "12", "--json", "--chat"];
        JsonElement first = InProcess.Run([.. words, "--prompt", "What is the capital of France?", "--save-session", File]).Json;
        JsonElement second = InProcess.Run([.. words, "--prompt", "And of Italy?", "--session", File]).Json;
        using var engine = Inference.InferenceEngine.Load(model, new Inference.EngineOptions("cpu"));
        Inference.Tokenization.ChatMessage[] said = [new("user", "What is the capital of France?"), new("assistant", first.GetProperty("text").GetString()!), new("user", "And of Italy?")];
        int[] whole = [.. engine.Tokenizer.EncodeChat(said, addGenerationPrompt: true, parseSpecial: false).Select(token => token.Id)];
        Assert.Equal(engine.Generate(new Inference.GenerationRequest { Prompt = whole, MaxTokens = 12 }).Text, second.GetProperty("text").GetString());
    }

    /// <summary>A prompt whose answer does not end early, and what one process answers.</summary>
    private static (string Prompt, string Ids) LongAnswer(string[] policy)
    {
        for (int cut = 0; cut < 60; cut++)
        {
            string prompt = Shots + Question[..^(cut % Question.Length)] + string.Concat(Enumerable.Repeat(" blue", cut / 8));
            JsonElement run = Run(["--prompt", prompt, "--special", .. policy, "--max-tokens", Text(First + Then)]);
            if (run.GetProperty("generatedTokens").GetInt32() == First + Then) return (prompt, run.GetProperty("tokenIds").GetRawText());
        }

        throw new InvalidOperationException("Every answer ends early: the test shows nothing.");
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    private static int[] Ids(JsonElement run) => [.. run.GetProperty("tokenIds").EnumerateArray().Select(id => id.GetInt32())];

    private static JsonElement Run(params string[] more) => InProcess.Run(["run", "--model", "embedded", "--device", "cpu", "--json", .. more]).Json;

    private static JsonElement Process(params string[] more) => CliProcess.Run(Plain, ["run", "--model", "embedded", "--device", "cpu", "--json", .. more]).Json;

    private static void Refused(int code, string[] more, params string[] parts)
        => InProcess.Run(["run", "--model", "embedded", "--json", .. more.Contains("--device") ? more : [.. more, "--device", "cpu"]]).Refuses(code, parts);
}
