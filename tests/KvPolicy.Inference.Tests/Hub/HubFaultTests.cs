using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using KvPolicy.Inference.Hub;
using KvPolicy.Tests.Hub;

namespace KvPolicy.Inference.Tests.Hub;

/// <summary>Every fault of the server is one line that says what to do; nothing half-written is left under a final name.</summary>
public sealed class HubFaultTests
{
    private const string List = "/api/models/org/tiny/revision/main", Weights = "model.safetensors";

    private static bool IsFile(ServerRequest request) => request.Path.Contains("/resolve/", StringComparison.Ordinal);

    [Theory]
    [InlineData("nobody/nothing", null, "nobody/nothing: no such public repository on 127.0.0.1", "(401)", "spelling", "set HF_TOKEN")]
    [InlineData("nobody/nothing", "hf_x", "nobody/nothing: no such repository on 127.0.0.1", "(404)", "spelling", "the token's account")]
    [InlineData("org/tiny@v9", null, "org/tiny: no revision v9 (404)", "check the branch, tag or commit")]
    [InlineData("org/tiny:x.gguf", null, "has no file x.gguf at main", "no GGUF at all")]
    public async Task What_is_not_there_is_named(string name, string? token, params string[] parts)
    {
        using var empty = new HubFixture();
        using var fixture = new HubFixture(empty.Hub) { Settings = empty.Settings with { Token = token } };
        await fixture.RefusesAsync(name, parts);
        Assert.Empty(fixture.Clock.Pauses);
    }

    [Fact]
    public async Task A_file_that_is_listed_and_not_there_is_named()
    {
        using var fixture = new HubFixture();
        fixture.Hub.Answer = r => r.Path.EndsWith("/tokenizer.json", StringComparison.Ordinal) ? ServerReply.Of(404, "", ("X-Error-Code", "EntryNotFound")) : null;
        await fixture.RefusesAsync("org/tiny", "org/tiny/tokenizer.json: no such file at main (404)", "/org/tiny/tree/main lists the files");
    }

    [Theory]
    [InlineData(401, "GatedRepo", "", null, "gated (401)", "accept its licence at http://127.0.0.1:", "/org/tiny, then set HF_TOKEN")]
    [InlineData(403, "GatedRepo", "", "hf_x", "gated (403)", "with the account that HF_TOKEN belongs to")]
    [InlineData(401, "", "Invalid credentials in Authorization header", "hf_x", "refuses the token (401: Invalid credentials", "/settings/tokens", "unset it")]
    [InlineData(403, "", "", "hf_x", "refuses the token (403)", "may not read this repository")]
    [InlineData(403, "", "Access to this resource is disabled.", null, "has disabled the repository (403)", "use another")]
    [InlineData(404, "", "", null, "no such repository or no revision main (404)", "HF_ENDPOINT")]
    [InlineData(404, "EntryNotFound", "", null, "no such repository or no revision main (404)", "check both")]
    [InlineData(418, "", "short and stout", null, "answers 418: short and stout", "HF_ENDPOINT")]
    public async Task Refusals_say_what_to_do(int status, string code, string said, string? token, params string[] parts)
    {
        using var empty = new HubFixture();
        using var fixture = new HubFixture(empty.Hub) { Settings = empty.Settings with { Token = token } };
        fixture.Hub.Answer = _ => ServerReply.Of(status, "", ("X-Error-Code", code), ("X-Error-Message", said));
        string message = await fixture.RefusesAsync("org/tiny", parts);
        Assert.DoesNotContain("hf_x", message, StringComparison.Ordinal);
        Assert.Equal(1, fixture.Hub.Count);
    }

    [Fact]
    public async Task A_gated_file_behind_an_open_list_is_refused_as_gated()
    {
        using var fixture = new HubFixture();
        fixture.Hub.Answer = r => IsFile(r) ? ServerReply.Of(403, "", ("X-Error-Code", "GatedRepo")) : null;
        await fixture.RefusesAsync("org/tiny", "org/tiny/config.json: the model is gated (403)");
    }

    [Fact]
    public async Task Too_many_requests_wait_as_long_as_the_hub_asks()
    {
        using var fixture = new HubFixture();
        int left = 2;
        fixture.Hub.Answer = _ => left-- > 0 ? ServerReply.Of(429, "", ("Retry-After", "17")) : null;
        await fixture.FetchAsync();
        Assert.Equal([17.0, 17.0], fixture.Clock.Pauses.Select(p => p.TotalSeconds));
    }

    [Fact]
    public async Task A_date_to_wait_for_is_understood()
    {
        using var fixture = new HubFixture();
        int left = 1;
        fixture.Hub.Answer = _ => left-- > 0 ? ServerReply.Of(429, "", ("Retry-After", "Thu, 01 Jan 2026 00:00:40 GMT")) : null;
        await fixture.FetchAsync();
        Assert.Equal([40.0], fixture.Clock.Pauses.Select(p => p.TotalSeconds));
    }

    [Fact]
    public async Task Too_long_a_wait_is_told_and_not_sat_out()
    {
        using var fixture = new HubFixture();
        fixture.Hub.Answer = _ => ServerReply.Of(429, "", ("Retry-After", "3600"));
        await fixture.RefusesAsync("org/tiny", "takes no more requests for now (429)", "set HF_TOKEN", "asks to wait 3600 s");
        Assert.Empty(fixture.Clock.Pauses);
    }

    [Theory]
    [InlineData(500)]
    [InlineData(502)]
    [InlineData(503)]
    [InlineData(504)]
    [InlineData(429)]
    [InlineData(408)]
    public async Task Faults_that_may_pass_are_tried_again_with_longer_pauses_and_then_told(int status)
    {
        using var fixture = new HubFixture();
        int left = 3;
        fixture.Hub.Answer = _ => left-- > 0 ? ServerReply.Of(status) : null;
        await fixture.FetchAsync();
        Assert.Equal([1.0, 2.0, 4.0], fixture.Clock.Pauses.Select(p => p.TotalSeconds));
        fixture.Hub.Answer = _ => ServerReply.Of(status);
        await fixture.RefusesAsync("org/tiny", $"{status})", "tried 6 times");
    }

    [Fact]
    public async Task A_store_whose_address_has_expired_is_asked_anew_through_the_hub()
    {
        using var fixture = new HubFixture();
        int left = 1;
        fixture.Hub.StoreAnswer = _ => left-- > 0 ? ServerReply.Of(403, "<Error>Request has expired</Error>") : null;
        await fixture.FetchAsync();
        Assert.Equal(2, fixture.Hub.Requests.Count(r => r.Path.EndsWith(Weights, StringComparison.Ordinal)));
        using var other = new HubFixture();
        other.Hub.StoreAnswer = _ => ServerReply.Of(403);
        await other.RefusesAsync("org/tiny", "where the hub keeps the file, refuses it (403)");
    }

    [Fact]
    public async Task A_wrong_length_is_refused_whichever_way_it_shows()
    {
        using var fixture = new HubFixture();
        byte[] right = fixture.Hub.Files[Weights];
        fixture.Hub.StoreAnswer = _ => new ServerReply(200, right[..^1]);
        await fixture.RefusesAsync("org/tiny", $"org/tiny/{Weights}: 127.0.0.1 has {right.Length - 1} bytes, the hub's list says {right.Length} bytes", "pull again");
        fixture.Hub.StoreAnswer = _ => new ServerReply(200, [.. right, 0]) { IsEndless = true };
        await fixture.RefusesAsync("org/tiny", "sends more bytes");
        // Without a length, too little looks like a cut, and stays one.
        fixture.Hub.StoreAnswer = r => new ServerReply(200, right[..^1]) { IsEndless = true };
        await fixture.RefusesAsync("org/tiny", $"broke (after {right.Length - 1} of {right.Length} bytes)", "tried 6 times");
    }

    [Theory]
    [InlineData(Weights)]
    [InlineData("tokenizer.json")]
    public async Task Wrong_content_is_fetched_twice_and_then_refused_and_not_kept(string name)
    {
        using var fixture = new HubFixture();
        byte[] wrong = [.. fixture.Hub.Files[name]];
        wrong[^1] ^= 1;
        ServerReply Wrong(ServerRequest r) => fixture.Hub.Content(r, wrong, "any");
        if (LoopbackHub.IsLarge(name)) fixture.Hub.StoreAnswer = Wrong;
        else fixture.Hub.Answer = r => r.Path.EndsWith("/" + name, StringComparison.Ordinal) ? Wrong(r) : null;
        await fixture.RefusesAsync("org/tiny", $"org/tiny/{name}: the content is not what the hub's list says", LoopbackHub.Blob(name, fixture.Hub.Files[name]), LoopbackHub.Sha256(wrong));
        Assert.DoesNotContain(fixture.Files("blobs"), f => f.StartsWith(LoopbackHub.Blob(name, fixture.Hub.Files[name]), StringComparison.Ordinal));
        Assert.Equal(2, fixture.Hub.Requests.Count(r => r.Path.EndsWith("/" + name, StringComparison.Ordinal)));
    }

    [Fact]
    public async Task A_file_that_has_become_another_since_it_was_listed_is_told()
    {
        using var fixture = new HubFixture();
        string other = LoopbackHub.Sha256([1, 2, 3]);
        fixture.Hub.Answer = r => r.Path.EndsWith(Weights, StringComparison.Ordinal)
            ? ServerReply.Of(302, "", ("Location", fixture.Hub.StoreAddress + other), ("X-Linked-Etag", $"\"{other}\"")) : null;
        await fixture.RefusesAsync("org/tiny", $"org/tiny/{Weights}: the file has become another one since it was listed", "pull again");
    }

    [Fact]
    public async Task A_compressing_server_is_told()
    {
        using var fixture = new HubFixture();
        fixture.Hub.StoreAnswer = _ => new ServerReply(200, [1, 2, 3]) { Headers = { ["Content-Encoding"] = "gzip" } };
        await fixture.RefusesAsync("org/tiny", "compresses the file although asked not to");
    }

    [Theory]
    [InlineData("<html>log in</html>")]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("{\"sha\":\"0123456789abcdef0123456789abcdef01234567\"}")]
    [InlineData("{\"sha\":5,\"siblings\":[]}")]
    [InlineData("{\"sha\":\"../../../../etc/cron.d/x\",\"siblings\":[]}")]
    [InlineData("{\"sha\":\"0123456789abcdef0123456789abcdef0123456\",\"siblings\":[]}")]
    public async Task An_answer_that_is_no_hubs_is_told(string body)
    {
        using var fixture = new HubFixture();
        fixture.Hub.Answer = _ => ServerReply.Of(200, body);
        await fixture.RefusesAsync("org/tiny", "does not answer as a hub does", "HF_ENDPOINT", "login page");
    }

    [Theory]
    [InlineData("../../../../evil.gguf")]
    [InlineData("/evil.gguf")]
    [InlineData("sub/../../evil.gguf")]
    [InlineData("c:\\evil.gguf")]
    [InlineData("evil\u001b[2J\n.gguf")]
    public async Task Names_that_lead_outside_are_refused(string name)
    {
        using var fixture = new HubFixture(new Dictionary<string, byte[]> { [name] = [1, 2, 3] });
        await fixture.RefusesAsync("org/tiny", "leads out of the repository's folder");
        Assert.Empty(Directory.EnumerateFileSystemEntries(Path.GetDirectoryName(fixture.Settings.CacheFolder)!));
    }

    [Fact]
    public async Task Nor_does_an_index_lead_outside()
    {
        var files = HubFixture.Folder();
        files.Remove(Weights);
        files["model.safetensors.index.json"] = "{\"weight_map\":{\"a\":\"../../evil.safetensors\"}}"u8.ToArray();
        files["../../evil.safetensors"] = [1];
        using var fixture = new HubFixture(files);
        await fixture.RefusesAsync("org/tiny", "it names ../../evil.safetensors, which is not in the repository");
    }

    [Fact]
    public async Task An_index_without_end_is_not_fetched()
    {
        var files = HubFixture.Folder();
        files.Remove(Weights);
        files["model.safetensors.index.json"] = [1];
        using var fixture = new HubFixture(files);
        fixture.Hub.Answer = r => r.Path == List ? fixture.Hub.List((name, content) =>
            name == "model.safetensors.index.json" ? new { sha256 = LoopbackHub.Sha256(content), size = 3_000_000_000L } : null) : null;
        await fixture.RefusesAsync("org/tiny", "model.safetensors.index.json: 3.0 GB are too many for a list of names");
        Assert.Equal(1, fixture.Hub.Count);
    }

    [Theory]
    [InlineData("X", 3)]
    [InlineData("../../x", 3)]
    [InlineData("", 3)]
    public async Task A_list_whose_hash_is_none_is_completed_by_the_file_itself(string hash, int size)
    {
        // What is no hash is no name of a blob either.
        using var fixture = new HubFixture();
        fixture.Hub.Answer = r => r.Path == List ? fixture.Hub.List((name, _) => name == Weights ? new { sha256 = hash, size } : null) : null;
        await fixture.FetchAsync();
        Assert.Single(fixture.Hub.Requests, r => r.Method == "HEAD");
    }

    [Fact]
    public async Task Without_any_hash_nothing_is_taken()
    {
        using var fixture = new HubFixture(new LoopbackHub(HubFixture.Folder()) { ListsNamesOnly = true });
        fixture.Hub.Answer = r => IsFile(r) ? new ServerReply(200, [1]) { Headers = { ["ETag"] = "\"v1\"" } } : null;
        await fixture.RefusesAsync("org/tiny", "gives no length or no hash of the file", "HF_ENDPOINT");
    }

    [Fact]
    public async Task The_length_of_a_redirects_words_is_not_the_files()
    {
        using var fixture = new HubFixture(new LoopbackHub(HubFixture.Folder()) { ListsNamesOnly = true });
        fixture.Hub.Answer = r =>
        {
            if (!IsFile(r)) return null;
            ServerReply reply = fixture.Hub.OfHub(r);
            reply.Headers.Remove("X-Linked-Size");
            return reply;
        };
        await fixture.RefusesAsync("org/tiny", $"{Weights}: 127.0.0.1", "gives no length or no hash of the file");
    }

    [Fact]
    public async Task More_than_the_disk_holds_is_refused_before_it_is_fetched()
    {
        using var fixture = new HubFixture();
        fixture.Hub.Answer = r => r.Path == List ? fixture.Hub.List((name, content) => name == Weights ? new { sha256 = LoopbackHub.Sha256(content), size = long.MaxValue } : null) : null;
        await fixture.RefusesAsync("org/tiny", "are still to come, but the disk of", "HF_HOME");
        Assert.DoesNotContain(fixture.Hub.Requests, IsFile);
    }

    [Fact]
    public void A_full_disk_is_told()
    {
        var full = new IOException("No space left on device", OperatingSystem.IsWindows() ? unchecked((int)0x80070070) : 28);
        string message = HubErrors.Disk(HubModel.Parse("org/tiny"), "/cache", full).Message;
        Assert.Contains("the disk of /cache is full; free some space, or set HF_HOME", message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_cache_that_cannot_be_written_is_told()
    {
        using var fixture = new HubFixture();
        File.WriteAllText(fixture.Settings.CacheFolder, "a file where the folder should be");
        await fixture.RefusesAsync("org/tiny", "cannot be written", "set HF_HOME to a folder that may be");
    }

    [Fact]
    public async Task A_hub_that_is_not_there_is_told_at_once()
    {
        using var fixture = new HubFixture();
        var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        int port = ((IPEndPoint)listener.LocalEndpoint).Port;
        listener.Stop();
        using var nowhere = new HubFixture(fixture.Hub) { Settings = fixture.Settings with { Endpoint = new Uri($"http://127.0.0.1:{port}") } };
        await nowhere.RefusesAsync("org/tiny", $"org/tiny: 127.0.0.1:{port} cannot be reached", "proxy", "HF_ENDPOINT", "HF_HUB_OFFLINE=1");
        Assert.Empty(nowhere.Clock.Pauses);
    }

    [Fact]
    public async Task A_store_that_is_gone_after_the_hub_has_answered_is_waited_for()
    {
        using var fixture = new HubFixture();
        fixture.Hub.Answer = r => r.Path.EndsWith(Weights, StringComparison.Ordinal) ? ServerReply.Of(302, "", ("Location", "http://127.0.0.1:1/x")) : null;
        await fixture.RefusesAsync("org/tiny", "127.0.0.1:1 cannot be reached", "tried 6 times");
        Assert.Equal(5, fixture.Clock.Pauses.Count);
    }

    [Fact]
    public async Task Silence_ends()
    {
        using var empty = new HubFixture();
        using var fixture = new HubFixture(empty.Hub) { Settings = empty.Settings with { Timeout = TimeSpan.FromMilliseconds(50) } };
        fixture.Hub.Answer = _ => new ServerReply(200, []) { IsSilent = true };
        await fixture.RefusesAsync("org/tiny", "cannot be reached (nothing came for 0.05 s)", "proxy");
        Assert.Empty(fixture.Clock.Pauses);
    }

    [Fact]
    public async Task Silence_in_the_middle_of_a_file_is_gone_on_behind()
    {
        using var empty = new HubFixture();
        using var fixture = new HubFixture(empty.Hub) { Settings = empty.Settings with { Timeout = TimeSpan.FromSeconds(2) } };
        int left = 1;
        fixture.Hub.StoreAnswer = r => fixture.Hub.OfStore(r) with
        {
            Pace = left-- <= 0 ? null : Once(),
        };
        HubFetch fetch = await fixture.FetchAsync();
        Assert.Equal(HubFixture.Taken.Sum(name => (long)fixture.Hub.Files[name].Length), fetch.DownloadedBytes);
        Assert.Equal("bytes=1000-", fixture.Hub.StoreRequests.Last().Header("Range"));

        static Func<int, Task<int>> Once()
        {
            bool sent = false;
            return async _ =>
            {
                if (sent) await Task.Delay(Timeout.Infinite);
                sent = true;
                return 1000;
            };
        }
    }

    [Fact]
    public async Task A_certificate_that_is_not_trusted_is_told()
    {
        using var key = RSA.Create(2048);
        using X509Certificate2 own = new CertificateRequest("CN=127.0.0.1", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1)
            .CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        using var server = new LoopbackServer(_ => ServerReply.Of(200), own);
        using var fixture = new HubFixture();
        using var untrusted = new HubFixture(fixture.Hub) { Settings = fixture.Settings with { Endpoint = server.Address, Token = "hf_x" } };
        await untrusted.RefusesAsync("org/tiny", "the certificate of 127.0.0.1:", "is not trusted", "clock", "SSL_CERT_FILE");
        Assert.Empty(server.Requests);
    }

    [Theory]
    [InlineData("file:///etc/passwd", "which is no address")]
    [InlineData("", "which is no address")]
    public async Task A_redirect_to_what_is_no_address_is_refused(string to, string problem)
    {
        using var fixture = new HubFixture();
        fixture.Hub.Answer = _ => ServerReply.Of(302, "", ("Location", to));
        await fixture.RefusesAsync("org/tiny", "redirects to", problem);
    }

    [Fact]
    public async Task Redirects_end()
    {
        using var fixture = new HubFixture();
        fixture.Hub.Answer = r => ServerReply.Of(302, "", ("Location", r.Target + "x"));
        await fixture.RefusesAsync("org/tiny", "redirects to", "without end");
        Assert.Equal(11, fixture.Hub.Count);
    }

    [Fact]
    public async Task Cancelling_ends_it_and_keeps_what_came()
    {
        using var fixture = new HubFixture();
        using var cancel = new CancellationTokenSource();
        fixture.Hub.StoreAnswer = r => fixture.Hub.OfStore(r) with { Pace = async wanted => { cancel.Cancel(); await Task.Delay(Timeout.Infinite); return wanted; } };
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => fixture.FetchAsync(cancellation: cancel.Token));
        fixture.NothingHalf();
        fixture.Hub.StoreAnswer = _ => null;
        Assert.Equal(fixture.Hub.Files[Weights].Length, (await fixture.FetchAsync()).DownloadedBytes);
    }
}
