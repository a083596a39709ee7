using System.Diagnostics;
using System.Text.Json;
using KvPolicy.Cli.Tests.Support;
using KvPolicy.Tests.Hub;

namespace KvPolicy.Cli.Tests.Processes;

/// <summary>The program against a hub on loopback, by the variables of its environment, as people run it.</summary>
public sealed class HubProcessTests : IDisposable
{
    private const int Kills = 10;

    private readonly TemporaryFolder _home = new();
    private readonly LoopbackHub _hub = new(ModelFiles());

    private string Cache => _home["hub/models--org--tiny"];

    private string Blobs => Path.Combine(Cache, "blobs");

    private string Snapshot => Path.Combine(Cache, "snapshots", LoopbackHub.Commit);

    [Fact]
    public void A_pull_says_what_it_has_done()
    {
        JsonElement first = Run("pull", "org/tiny", "--json").Json;
        Assert.Equal(("org/tiny", "main", LoopbackHub.Commit, Snapshot), (Text(first, "repo"), Text(first, "revision"), Text(first, "commit"), Text(first, "path")));
        var files = first.GetProperty("files").EnumerateArray().ToDictionary(f => Text(f, "name"), f => (f.GetProperty("bytes").GetInt64(), Text(f, "sha256")));
        Assert.Equal(_hub.Files.ToDictionary(f => f.Key, f => ((long)f.Value.Length, LoopbackHub.Sha256(f.Value))), files);
        Assert.Equal(_hub.Files.Values.Sum(f => (long)f.Length), first.GetProperty("downloadedBytes").GetInt64());
        CliResult second = Run("pull", "org/tiny");
        Assert.Equal((0, ""), (second.Code, second.Error)); // nobody looks: no bar
        Assert.Contains("all of it was here", second.Out, StringComparison.Ordinal);
        Assert.Contains(Snapshot, second.Out.Split('\n'));
    }

    [Fact]
    public void A_fault_is_one_line_and_exit_code_1()
    {
        Run("pull", "org/nothing").Refuses(1, "kvpolicy pull: org/nothing: no such public repository", "set HF_TOKEN");
        Run("run", "--model", "hf:org/tiny:Q8_0", "--prompt", "x").Refuses(1, "kvpolicy run: org/tiny:Q8_0: no GGUF of org/tiny is Q8_0");
    }

    [Fact]
    public void A_model_of_the_hub_is_fetched_once_and_then_runs_offline()
    {
        JsonElement ids = Run("tokenize", "--model", "hf:org/tiny", "--text", " Q : flag of desia ?", "--json").Json;
        Assert.Equal(InProcess.Run("tokenize", "--model", "embedded", "--text", " Q : flag of desia ?", "--json").Json.ToString(), ids.ToString());
        int requests = _hub.Count;
        JsonElement run = Run("run", "--model", "hf:org/tiny", "--prompt", " Q : flag of desia ?", "--max-tokens", "4", "--json").Json;
        JsonElement expected = InProcess.Run("run", "--model", "embedded", "--prompt", " Q : flag of desia ?", "--max-tokens", "4", "--json").Json;
        Assert.Equal(expected.GetProperty("tokenIds").ToString(), run.GetProperty("tokenIds").ToString());
        Assert.Equal(requests, _hub.Count);
    }

    [Fact]
    public async Task A_pull_killed_at_a_random_byte_ten_times_over_ends_with_the_right_file()
    {
        var gate = new Gate(_hub);
        long total = _hub.Files.Values.Sum(f => (long)f.Length), stored = 0;
        int seed = Random.Shared.Next();
        var random = new Random(seed);
        long[] cuts = [.. Enumerable.Range(0, Kills).Select(_ => random.NextInt64(1, total)).Order()];
        foreach (long cut in cuts)
        {
            gate.Open(cut - stored);
            using Process process = CliProcess.Start(Environment(), "pull", "org/tiny");
            while (!process.HasExited && Stored() < cut) await Task.Delay(2);
            Assert.False(process.HasExited, $"seed {seed}: the pull ended before byte {cut}");
            process.Kill();
            await process.WaitForExitAsync();
            stored = Stored();
            Assert.Equal(cut, stored);
            Assert.False(Directory.Exists(Snapshot), "nothing has its final name before all is whole");
        }

        gate.Open(long.MaxValue);
        JsonElement last = Run("pull", "org/tiny", "--json").Json;
        Assert.Equal(total - stored, last.GetProperty("downloadedBytes").GetInt64());
        Assert.All(_hub.Files, f => Assert.Equal(LoopbackHub.Sha256(f.Value), LoopbackHub.Sha256(File.ReadAllBytes(Path.Combine(Snapshot, f.Key)))));
        Assert.Equal(_hub.Files.Select(f => LoopbackHub.Blob(f.Key, f.Value)).Order(StringComparer.Ordinal), Directory.GetFiles(Blobs).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        // Each byte was sent once, however often the pull was killed.
        Assert.Equal(total, gate.Sent);
    }

    public void Dispose()
    {
        _hub.Dispose();
        _home.Dispose();
    }

    private static Dictionary<string, byte[]> ModelFiles()
        => Directory.GetFiles(Path.Combine(Repository.Root, "src", "KvPolicy.Inference", "Resources", "kvpolicy-tiny")).Where(f => !f.EndsWith(".md", StringComparison.Ordinal))
            .ToDictionary(f => Path.GetFileName(f), File.ReadAllBytes);

    [SkippableFact]
    public void A_home_that_does_not_exist_is_still_where_the_cache_would_be()
    {
        Skip.If(OperatingSystem.IsWindows(), "HOME is Unix's");
        Dictionary<string, string> environment = Environment();
        (environment["HOME"], environment["HF_HOME"], environment["XDG_CACHE_HOME"], environment["HF_HUB_OFFLINE"]) = ("/no/such/home", "", "", "1");
        CliProcess.Run(environment, "pull", "org/tiny").Refuses(1, "is not in the cache /no/such/home/.cache/huggingface/hub");
    }

    private static string Text(JsonElement element, string name) => element.GetProperty(name).GetString()!;

    private Dictionary<string, string> Environment() => new()
    {
        ["HF_ENDPOINT"] = _hub.Address.AbsoluteUri,
        ["HF_HOME"] = _home.Path,
        ["HF_HUB_CACHE"] = "",
        ["HUGGINGFACE_HUB_CACHE"] = "",
        ["HF_TOKEN"] = "",
        ["HUGGING_FACE_HUB_TOKEN"] = "",
        ["HF_TOKEN_PATH"] = "",
        ["HF_HUB_OFFLINE"] = "",
        ["TRANSFORMERS_OFFLINE"] = "",
        ["HF_HUB_DISABLE_SYMLINKS"] = "",
    };

    private CliResult Run(params ReadOnlySpan<string> words) => CliProcess.Run(Environment(), words);

    /// <summary>Bytes of the files of the cache; -1 where one is being renamed at this moment. (One that is listed under both names counts twice: look again.)</summary>
    private long Stored()
    {
        try
        {
            return Directory.Exists(Blobs) ? Directory.GetFiles(Blobs).Sum(f => new FileInfo(f).Length) : 0;
        }
        catch (FileNotFoundException)
        {
            return -1;
        }
    }

    /// <summary>Lets so many bytes of files through, and stops there until it is opened again.</summary>
    private sealed class Gate
    {
        private readonly Lock _lock = new();
        private int _round;
        private long _left, _sent;

        internal Gate(LoopbackHub hub)
        {
            hub.Answer = request => request.Path.StartsWith("/api/", StringComparison.Ordinal) ? null : Paced(hub.OfHub(request));
            hub.StoreAnswer = request => Paced(hub.OfStore(request));
        }

        internal long Sent => Interlocked.Read(ref _sent);

        internal void Open(long bytes)
        {
            lock (_lock) (_round, _left) = (_round + 1, bytes);
        }

        private ServerReply Paced(ServerReply reply)
        {
            if (reply.Status is not (200 or 206)) return reply;
            int round = _round;
            return reply with { Pace = wanted => PassAsync(round, wanted) };
        }

        private async Task<int> PassAsync(int round, int wanted)
        {
            while (true)
            {
                lock (_lock)
                {
                    if (round != _round) throw new OperationCanceledException("the client was killed");
                    int pass = (int)Math.Min(wanted, _left);
                    (_left, _sent) = (_left - pass, _sent + pass);
                    if (pass > 0) return pass;
                }

                await Task.Delay(2);
            }
        }
    }
}
