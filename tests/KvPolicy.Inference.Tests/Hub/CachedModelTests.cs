using KvPolicy.Inference.Hub;
using KvPolicy.Inference.Loading;
using KvPolicy.Inference.Models;
using KvPolicy.Inference.Tests.Loading.Building;
using KvPolicy.Tests.Hub;

namespace KvPolicy.Inference.Tests.Hub;

/// <summary>What Python's tools have fetched is found, and nothing is asked of the network.</summary>
public sealed class CachedModelTests
{
    private static readonly HubModel Model = HubModel.Parse("hf:org/tiny");

    /// <summary>The layout as Python's tools leave it, written here by hand and not by the code under test.</summary>
    private static void Lay(HubFixture fixture, params string[] without)
    {
        Directory.CreateDirectory(Path.Combine(fixture.Cache, "blobs"));
        Directory.CreateDirectory(Path.Combine(fixture.Cache, "refs"));
        Directory.CreateDirectory(Path.Combine(fixture.Cache, ".no_exist", LoopbackHub.Commit));
        Directory.CreateDirectory(fixture.Snapshot);
        File.WriteAllText(Path.Combine(fixture.Cache, "refs", "main"), LoopbackHub.Commit);
        foreach ((string name, byte[] content) in fixture.Hub.Files.Where(f => !f.Key.Contains('/') && !without.Contains(f.Key)))
        {
            File.WriteAllBytes(Path.Combine(fixture.Cache, "blobs", LoopbackHub.Blob(name, content)), content);
            File.CreateSymbolicLink(Path.Combine(fixture.Snapshot, name), $"../../blobs/{LoopbackHub.Blob(name, content)}");
        }
    }

    [Fact]
    public async Task A_model_of_Pythons_tools_is_found_without_a_request_and_loads()
    {
        using var fixture = new HubFixture();
        Lay(fixture);
        Assert.Equal(fixture.Snapshot, await ModelHub.LocateAsync(Model, fixture.Settings));
        Assert.Equal(fixture.Snapshot, await ModelHub.LocateAsync(HubModel.Parse($"org/tiny@{LoopbackHub.Commit}"), fixture.Settings));
        Assert.Equal(0, fixture.Hub.Count);
        using Model model = ModelLoader.Load(fixture.Snapshot);
        LoadAssert.Touch(model);
    }

    [Fact]
    public async Task Offline_a_pull_describes_what_is_there()
    {
        using var fixture = new HubFixture();
        Lay(fixture);
        HubFetch fetch = await ModelHub.FetchAsync(Model, fixture.Settings with { Offline = true });
        Assert.Equal((LoopbackHub.Commit, fixture.Snapshot, 0L), (fetch.Commit, fetch.Path, fetch.DownloadedBytes));
        Assert.Equal(HubFixture.Taken, fetch.Files.Select(f => f.Name).Order(StringComparer.Ordinal));
        Assert.All(fetch.Files, f => Assert.Equal((LoopbackHub.Sha256(fixture.Hub.Files[f.Name]), (long)fixture.Hub.Files[f.Name].Length), (f.Sha256, f.Bytes)));
        Assert.Equal(0, fixture.Hub.Count);
    }

    [Theory]
    [InlineData("org/tiny@v2", "no snapshot of v2")]
    [InlineData("org/other", "no snapshot of main")]
    [InlineData("org/tiny:Q8_0", "no GGUF of org/tiny is Q8_0")]
    public async Task Offline_what_is_not_there_is_told(string name, string lacks)
    {
        using var fixture = new HubFixture();
        Lay(fixture);
        HubSettings offline = fixture.Settings with { Offline = true };
        foreach (Func<Task> ask in new Func<Task>[] { () => ModelHub.FetchAsync(HubModel.Parse(name), offline), () => ModelHub.LocateAsync(HubModel.Parse(name), offline) })
        {
            string message = (await Assert.ThrowsAsync<HubException>(ask)).Message;
            Assert.Contains($"hf:{name} is not in the cache {offline.CacheFolder} ({lacks}", message.Replace("of its files here: " + name + ": ", "", StringComparison.Ordinal), StringComparison.Ordinal);
            Assert.Contains("HF_HUB_OFFLINE is set; unset it", message, StringComparison.Ordinal);
        }

        Assert.Equal(0, fixture.Hub.Count);
    }

    [Theory]
    [InlineData("config.json")]
    [InlineData("model.safetensors")]
    [InlineData("tokenizer.json")]
    public async Task A_part_of_a_model_is_no_model_and_is_completed(string missing)
    {
        using var fixture = new HubFixture();
        Lay(fixture, missing);
        Assert.Null(ModelHub.Find(Model, fixture.Settings));
        Assert.Equal(fixture.Snapshot, await ModelHub.LocateAsync(Model, fixture.Settings));
        Assert.Equal([missing], fixture.Hub.Requests.Skip(1).Select(r => Path.GetFileName(r.Path)));
        using Model model = ModelLoader.Load(fixture.Snapshot);
    }

    [Fact]
    public async Task A_link_whose_content_is_gone_is_repaired()
    {
        using var fixture = new HubFixture();
        Lay(fixture);
        File.Delete(Path.Combine(fixture.Cache, "blobs", LoopbackHub.Sha256(fixture.Hub.Files["model.safetensors"])));
        Assert.Null(ModelHub.Find(Model, fixture.Settings));
        HubFetch fetch = await fixture.FetchAsync();
        Assert.Equal(fixture.Hub.Files["model.safetensors"].Length, fetch.DownloadedBytes);
        using Model model = ModelLoader.Load(fetch.Path);
    }

    [Fact]
    public async Task Contents_that_another_commit_left_are_not_fetched_again()
    {
        using var fixture = new HubFixture();
        Lay(fixture);
        Directory.Delete(fixture.Snapshot, recursive: true);
        Assert.Equal(0, (await fixture.FetchAsync()).DownloadedBytes);
        Assert.Equal(1, fixture.Hub.Count);
        using Model model = ModelLoader.Load(fixture.Snapshot);
    }

    [Fact]
    public async Task A_pull_that_ended_between_contents_and_names_is_completed()
    {
        using var fixture = new HubFixture();
        Lay(fixture);
        File.Delete(Path.Combine(fixture.Cache, "refs", "main"));
        File.Delete(Path.Combine(fixture.Snapshot, "tokenizer_config.json"));
        File.Delete(Path.Combine(fixture.Snapshot, "model.safetensors"));
        Assert.Null(ModelHub.Find(Model, fixture.Settings));
        Assert.Equal(0, (await fixture.FetchAsync()).DownloadedBytes);
        Assert.Equal(1, fixture.Hub.Count);
        Assert.Equal(fixture.Snapshot, ModelHub.Find(Model, fixture.Settings));
        Assert.Equal(fixture.Hub.Files["tokenizer_config.json"], fixture.Content("tokenizer_config.json"));
    }

    [Theory]
    [InlineData("")]
    [InlineData("../../../x")]
    [InlineData("0123")]
    public void A_reference_that_is_no_commit_is_none(string text)
    {
        using var fixture = new HubFixture();
        Lay(fixture);
        File.WriteAllText(Path.Combine(fixture.Cache, "refs", "main"), text);
        Assert.Null(ModelHub.Find(Model, fixture.Settings));
    }

    [Fact]
    public async Task The_lock_of_another_program_is_waited_for()
    {
        using var fixture = new HubFixture();
        string folder = Path.Combine(fixture.Settings.CacheFolder, ".locks", "models--org--tiny");
        Directory.CreateDirectory(folder);
        string weights = LoopbackHub.Sha256(fixture.Hub.Files["model.safetensors"]);
        Task<HubFetch> fetch;
        using (new FileStream(Path.Combine(folder, weights + ".lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None))
        {
            fetch = fixture.FetchAsync();
            await Task.WhenAny(fetch, Task.Delay(400));
            Assert.False(fetch.IsCompleted);
            Assert.Empty(fixture.Hub.StoreRequests);
        }

        Assert.Equal(fixture.Snapshot, (await fetch).Path);
    }
}
