using KvPolicy.Inference.Hub;
using KvPolicy.Inference.Loading;
using KvPolicy.Inference.Models;
using KvPolicy.Inference.Tests.Loading.Building;
using KvPolicy.Tests.Hub;

namespace KvPolicy.Inference.Tests.Hub;

/// <summary>A fetch where all goes well: layout, redirects, token, a second time.</summary>
public sealed class HubFetchTests
{
    private const string Secret = "hf_secret";

    [Fact]
    public async Task A_folder_is_fetched_into_the_layout_of_Pythons_tools_and_loads()
    {
        using var fixture = new HubFixture();
        HubFetch fetch = await fixture.FetchAsync();
        Assert.Equal((LoopbackHub.Repository, "main", LoopbackHub.Commit, fixture.Snapshot), (fetch.Repository, fetch.Revision, fetch.Commit, fetch.Path));
        Assert.Equal(HubFixture.Taken, fetch.Files.Select(f => f.Name).Order(StringComparer.Ordinal));
        Assert.Equal(HubFixture.Taken.Sum(name => (long)fixture.Hub.Files[name].Length), fetch.DownloadedBytes);
        Assert.All(fetch.Files, f => Assert.Equal((fixture.Hub.Files[f.Name].Length, LoopbackHub.Sha256(fixture.Hub.Files[f.Name])), ((int)f.Bytes, f.Sha256)));
        Assert.Equal(LoopbackHub.Commit, File.ReadAllText(Path.Combine(fixture.Cache, "refs", "main")));
        Assert.Equal(HubFixture.Taken, fixture.Files($"snapshots/{LoopbackHub.Commit}"));
        Assert.Equal(HubFixture.Taken.Select(name => LoopbackHub.Blob(name, fixture.Hub.Files[name])).Order(StringComparer.Ordinal), fixture.Files("blobs"));
        foreach (string name in HubFixture.Taken)
        {
            Assert.Equal($"../../blobs/{LoopbackHub.Blob(name, fixture.Hub.Files[name])}", new FileInfo(Path.Combine(fixture.Snapshot, name)).LinkTarget);
            Assert.Equal(fixture.Hub.Files[name], fixture.Content(name));
        }

        using Model model = ModelLoader.Load(fetch.Path);
        LoadAssert.Touch(model);
    }

    [Fact]
    public async Task The_token_goes_to_the_hub_and_to_no_other_host()
    {
        using var fixture = new HubFixture();
        await ModelHub.FetchAsync(HubModel.Parse(LoopbackHub.Repository), fixture.Settings with { Token = Secret });
        Assert.NotEmpty(fixture.Hub.StoreRequests);
        Assert.All(fixture.Hub.Requests, r => Assert.Equal($"Bearer {Secret}", r.Header("Authorization")));
        Assert.All(fixture.Hub.StoreRequests, r => Assert.Null(r.Header("Authorization")));
        Assert.All(fixture.Hub.StoreRequests, r => Assert.DoesNotContain(Secret, string.Join('\n', r.Headers.Values), StringComparison.Ordinal));
        // The signature of the redirect arrives as it was given.
        Assert.All(fixture.Hub.StoreRequests, r => Assert.EndsWith("?X-Amz-Signature=a%2Fb%3D", r.Target, StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_token_stays_on_the_way_back_from_another_host()
    {
        using var fixture = new HubFixture();
        // There and back again: the hub's own redirect within itself carries it, the detour does not.
        fixture.Hub.Answer = r => r.Path == "/api/models/org/tiny/revision/main" ? ServerReply.Of(307, "", ("Location", $"{fixture.Hub.StoreAddress}away"))
            : r.Path == "/renamed" ? fixture.Hub.List() : null;
        fixture.Hub.StoreAnswer = r => r.Path == "/away" ? ServerReply.Of(302, "", ("Location", $"{fixture.Hub.Address}renamed")) : null;
        await ModelHub.FetchAsync(HubModel.Parse(LoopbackHub.Repository), fixture.Settings with { Token = Secret });
        Assert.Null(fixture.Hub.StoreRequests.First().Header("Authorization"));
        Assert.Equal($"Bearer {Secret}", fixture.Hub.Requests.Single(r => r.Path == "/renamed").Header("Authorization"));
    }

    [Fact]
    public async Task A_renamed_repository_is_followed_within_the_hub()
    {
        using var fixture = new HubFixture();
        fixture.Hub.Answer = r => r.Path == "/api/models/old/tiny/revision/main" ? ServerReply.Of(307, "", ("Location", "/api/models/org/tiny/revision/main?blobs=true"))
            : r.Path.StartsWith("/old/tiny/", StringComparison.Ordinal) ? ServerReply.Of(307, "", ("Location", "/org" + r.Path["/old".Length..])) : null;
        HubFetch fetch = await fixture.FetchAsync("old/tiny");
        Assert.Equal("models--old--tiny", new DirectoryInfo(fetch.Path).Parent!.Parent!.Name);
        using Model model = ModelLoader.Load(fetch.Path);
    }

    [Fact]
    public async Task What_is_whole_costs_one_request_and_no_byte()
    {
        using var fixture = new HubFixture();
        HubFetch first = await fixture.FetchAsync();
        int before = fixture.Hub.Count;
        HubFetch second = await fixture.FetchAsync();
        Assert.Equal(before + 1, fixture.Hub.Count);
        Assert.Equal((0L, first.Path), (second.DownloadedBytes, second.Path));
        Assert.Equal(first.Files, second.Files);
        Assert.Equal(fixture.Snapshot, await ModelHub.LocateAsync(HubModel.Parse("hf:org/tiny"), fixture.Settings));
        Assert.Equal(before + 1, fixture.Hub.Count);
    }

    [Theory]
    [InlineData("model.safetensors")]
    [InlineData("config.json")]
    public async Task A_file_that_was_damaged_since_it_came_is_fetched_again(string name)
    {
        using var fixture = new HubFixture();
        await fixture.FetchAsync();
        string blob = Path.Combine(fixture.Cache, "blobs", LoopbackHub.Blob(name, fixture.Hub.Files[name]));
        byte[] damaged = File.ReadAllBytes(blob);
        damaged[damaged.Length / 2] ^= 1;
        File.WriteAllBytes(blob, damaged);
        HubFetch again = await fixture.FetchAsync();
        Assert.Equal(fixture.Hub.Files[name], fixture.Content(name));
        Assert.Equal(fixture.Hub.Files[name].Length, again.DownloadedBytes);
    }

    [Fact]
    public async Task A_new_commit_fetches_what_changed_alone()
    {
        using var fixture = new HubFixture();
        await fixture.FetchAsync();
        const string Next = "fedcba9876543210fedcba9876543210fedcba98";
        byte[] config = [.. fixture.Hub.Files["generation_config.json"], (byte)'\n'];
        fixture.Hub.Files["generation_config.json"] = config;
        fixture.Hub.Answer = r => r.Path == "/api/models/org/tiny/revision/main" ? fixture.Hub.List(commit: Next)
            : r.Path == $"/org/tiny/resolve/{Next}/generation_config.json" ? fixture.Hub.Content(r, config, LoopbackHub.GitSha1(config)) : ServerReply.Of(500);
        HubFetch fetch = await fixture.FetchAsync();
        Assert.Equal((Next, (long)config.Length), (fetch.Commit, fetch.DownloadedBytes));
        Assert.Equal(Next, File.ReadAllText(Path.Combine(fixture.Cache, "refs", "main")));
        Assert.Equal(HubFixture.Taken, fixture.Files($"snapshots/{Next}"));
        Assert.Equal(HubFixture.Taken, fixture.Files($"snapshots/{LoopbackHub.Commit}"));
    }

    [Theory]
    [InlineData("refs/pr/1", true)]
    [InlineData(LoopbackHub.Commit, false)]
    public async Task A_revision_is_noted_under_its_name_and_a_commit_is_not(string revision, bool noted)
    {
        using var fixture = new HubFixture();
        HubFetch fetch = await fixture.FetchAsync($"org/tiny@{revision}");
        Assert.Equal((revision, LoopbackHub.Commit), (fetch.Revision, fetch.Commit));
        Assert.Equal(noted ? [revision] : [], fixture.Files("refs"));
        Assert.Equal(fixture.Snapshot, ModelHub.Find(HubModel.Parse($"org/tiny@{revision}"), fixture.Settings));
        Assert.Null(ModelHub.Find(HubModel.Parse("org/tiny"), fixture.Settings));
    }

    [Fact]
    public async Task Weights_in_shards_are_those_that_the_index_names()
    {
        var files = HubFixture.Folder();
        var tensors = TinyModel.FolderTensors();
        files.Remove("model.safetensors");
        files["weights/a.safetensors"] = SafetensorsBytes.Of(tensors[..5]);
        files["weights/b.safetensors"] = SafetensorsBytes.Of(tensors[5..]);
        files["model.safetensors.index.json"] = System.Text.Json.JsonSerializer.SerializeToUtf8Bytes(new
        {
            weight_map = tensors.Select((t, i) => (t.Name, File: i < 5 ? "weights/a.safetensors" : "weights/b.safetensors")).ToDictionary(t => t.Name, t => t.File),
        });
        using var fixture = new HubFixture(files);
        HubFetch fetch = await fixture.FetchAsync();
        Assert.Equal(["model.safetensors.index.json", "weights/a.safetensors", "weights/b.safetensors"], fetch.Files.Select(f => f.Name).TakeLast(3));
        Assert.Equal($"../../../blobs/{LoopbackHub.Sha256(files["weights/a.safetensors"])}", new FileInfo(Path.Combine(fixture.Snapshot, "weights", "a.safetensors")).LinkTarget);
        Assert.Equal(fetch.Files.Sum(f => f.Bytes), fetch.DownloadedBytes);
        using (Model model = ModelLoader.Load(fetch.Path)) LoadAssert.Touch(model);
        Assert.Equal(fetch.Path, ModelHub.Find(HubModel.Parse("org/tiny"), fixture.Settings));
        File.Delete(Path.Combine(fixture.Snapshot, "weights", "b.safetensors"));
        Assert.Null(ModelHub.Find(HubModel.Parse("org/tiny"), fixture.Settings));
    }

    [Fact]
    public async Task One_GGUF_is_fetched_and_loads()
    {
        byte[] gguf = TinyModel.Gguf().Build();
        using var fixture = new HubFixture(new Dictionary<string, byte[]> { ["README.md"] = [1], ["config.json"] = "{}"u8.ToArray(), ["m-F32.gguf"] = gguf, ["m-Q8_0.gguf"] = [2, 3] });
        HubFetch fetch = await fixture.FetchAsync("org/tiny:F32");
        Assert.Equal(["m-F32.gguf"], fixture.Files($"snapshots/{LoopbackHub.Commit}"));
        Assert.Equal(Path.Combine(fixture.Snapshot, "m-F32.gguf"), fetch.Path);
        using (Model model = ModelLoader.Load(fetch.Path)) LoadAssert.Touch(model);
        // The one that is here needs no name any more.
        Assert.Equal(fetch.Path, ModelHub.Find(HubModel.Parse("org/tiny"), fixture.Settings));
        Assert.Null(ModelHub.Find(HubModel.Parse("org/tiny:Q8_0"), fixture.Settings));
        await fixture.RefusesAsync("org/tiny", "2 GGUF files", "m-F32.gguf, m-Q8_0.gguf");
    }

    [Fact]
    public async Task Split_GGUFs_are_fetched_together()
    {
        using var fixture = new HubFixture(new Dictionary<string, byte[]> { ["q/m-00001-of-00002.gguf"] = [1], ["q/m-00002-of-00002.gguf"] = [2, 3] });
        HubFetch fetch = await fixture.FetchAsync();
        Assert.Equal(Path.Combine(fixture.Snapshot, "q", "m-00001-of-00002.gguf"), fetch.Path);
        Assert.Equal(["q/m-00001-of-00002.gguf", "q/m-00002-of-00002.gguf"], fixture.Files($"snapshots/{LoopbackHub.Commit}"));
    }

    [Fact]
    public async Task A_list_of_names_alone_is_completed_file_by_file()
    {
        using var fixture = new HubFixture(new LoopbackHub(HubFixture.Folder()) { ListsNamesOnly = true });
        HubFetch fetch = await fixture.FetchAsync();
        Assert.Equal(HubFixture.Taken.Length, fixture.Hub.Requests.Count(r => r.Method == "HEAD"));
        Assert.DoesNotContain(fixture.Hub.StoreRequests, r => r.Method == "HEAD");
        using Model model = ModelLoader.Load(fetch.Path);
    }

    [Fact]
    public async Task Without_links_the_snapshot_holds_the_files()
    {
        using var fixture = new HubFixture();
        HubSettings settings = fixture.Settings with { SymbolicLinks = false };
        HubFetch fetch = await ModelHub.FetchAsync(HubModel.Parse("org/tiny"), settings);
        Assert.Null(new FileInfo(Path.Combine(fixture.Snapshot, "model.safetensors")).LinkTarget);
        using (Model model = ModelLoader.Load(fetch.Path)) LoadAssert.Touch(model);
        int before = fixture.Hub.Count;
        HubFetch second = await ModelHub.FetchAsync(HubModel.Parse("org/tiny"), settings);
        Assert.Equal((0L, before + 1), (second.DownloadedBytes, fixture.Hub.Count));
        Assert.Equal(fetch.Files, second.Files);
    }

    [Fact]
    public async Task Progress_goes_up_to_the_whole()
    {
        using var fixture = new HubFixture();
        var seen = new Recorder();
        HubFetch fetch = await fixture.FetchAsync(progress: seen);
        Assert.Equal(seen.Done.Order(), seen.Done);
        Assert.Equal((fetch.DownloadedBytes, fetch.DownloadedBytes), (seen.Done[^1], seen.Total));
    }

    [Fact]
    public async Task Two_pulls_at_once_fetch_each_byte_once()
    {
        using var fixture = new HubFixture();
        HubFetch[] both = await Task.WhenAll(Enumerable.Range(0, 2).Select(_ => Task.Run(() => fixture.FetchAsync())));
        Assert.Equal(HubFixture.Taken.Sum(name => (long)fixture.Hub.Files[name].Length), both.Sum(f => f.DownloadedBytes));
        Assert.Equal(both[0].Files, both[1].Files);
        Assert.DoesNotContain(fixture.Files("blobs"), f => f.EndsWith(".incomplete", StringComparison.Ordinal));
        using Model model = ModelLoader.Load(fixture.Snapshot);
    }

    private sealed class Recorder : IProgress<HubProgress>
    {
        internal List<long> Done { get; } = [];

        internal long Total { get; private set; }

        public void Report(HubProgress value)
        {
            Done.Add(value.Done);
            Total = value.Total;
        }
    }
}
