using CsCheck;
using KvPolicy.Inference.Hub;
using KvPolicy.Tests.Hub;

namespace KvPolicy.Inference.Tests.Hub;

/// <summary>What has come is not fetched twice, and what is wrong is not kept.</summary>
public sealed class HubResumeTests
{
    private const string Name = "m.gguf";

    private static readonly byte[] Right = Bytes(1, 300_000);

    private static byte[] Bytes(int seed, int count)
    {
        var bytes = new byte[count];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    private static HubFixture Fixture(bool ignoresRanges = false)
        => new(new LoopbackHub(new Dictionary<string, byte[]> { [Name] = Right }) { IgnoresRanges = ignoresRanges });

    private static string Incomplete(HubFixture fixture) => Path.Combine(fixture.Cache, "blobs", LoopbackHub.Sha256(Right) + ".incomplete");

    private static void IsRight(HubFixture fixture)
    {
        Assert.Equal(Right, fixture.Content(Name));
        Assert.Equal([LoopbackHub.Sha256(Right)], fixture.Files("blobs"));
    }

    private static void Left(HubFixture fixture, byte[] bytes)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Incomplete(fixture))!);
        File.WriteAllBytes(Incomplete(fixture), bytes);
    }

    [Fact]
    public void A_connection_cut_at_random_bytes_goes_on_behind_them() => Gen.Int[1, Right.Length].Array[1, 4].Sample(cuts =>
    {
        using HubFixture fixture = Fixture();
        var left = new Queue<int>(cuts);
        fixture.Hub.StoreAnswer = r => left.TryDequeue(out int cut) ? fixture.Hub.OfStore(r) with { CutAfter = cut } : null;
        HubFetch fetch = fixture.FetchAsync().GetAwaiter().GetResult();
        IsRight(fixture);
        // Each byte came once.
        Assert.Equal(Right.Length, fetch.DownloadedBytes);
    }, iter: 12);

    [Fact]
    public async Task The_rest_is_asked_for_by_range_of_the_same_content()
    {
        using HubFixture fixture = Fixture();
        int left = 1;
        fixture.Hub.StoreAnswer = r => left-- > 0 ? fixture.Hub.OfStore(r) with { CutAfter = 100_001 } : null;
        await fixture.FetchAsync();
        ServerRequest second = fixture.Hub.StoreRequests.Last();
        Assert.Equal(("bytes=100001-", $"\"store-{LoopbackHub.Sha256(Right)[..8]}\""), (second.Header("Range"), second.Header("If-Range")));
        IsRight(fixture);
    }

    [Fact]
    public async Task A_server_that_always_cuts_is_given_up_and_gone_on_with_later()
    {
        using HubFixture fixture = Fixture();
        fixture.Hub.StoreAnswer = r => fixture.Hub.OfStore(r) with { CutAfter = 10 };
        await fixture.RefusesAsync("org/tiny", "the connection to 127.0.0.1", "broke", "what came is kept: pull again to go on", "tried 6 times");
        Assert.Equal(Right[..60], File.ReadAllBytes(Incomplete(fixture)));
        fixture.Hub.StoreAnswer = _ => null;
        Assert.Equal(Right.Length - 60, (await fixture.FetchAsync()).DownloadedBytes);
        IsRight(fixture);
    }

    [Fact]
    public async Task A_server_that_cuts_often_but_gets_on_is_not_given_up()
    {
        using HubFixture fixture = Fixture();
        fixture.Hub.StoreAnswer = r => fixture.Hub.OfStore(r) with { CutAfter = 1 << 15 };
        // Less than 64 KiB each time counts as nothing: six of them end it.
        await fixture.RefusesAsync("org/tiny", "tried 6 times");
        using HubFixture other = Fixture();
        other.Hub.StoreAnswer = r => other.Hub.OfStore(r) with { CutAfter = 1 << 16 };
        await other.FetchAsync();
        IsRight(other);
    }

    [Fact]
    public async Task A_server_that_ignores_ranges_is_started_over()
    {
        using HubFixture fixture = Fixture(ignoresRanges: true);
        int left = 1;
        fixture.Hub.StoreAnswer = r => left-- > 0 ? fixture.Hub.OfStore(r) with { CutAfter = 200_000 } : null;
        Assert.Equal(200_000 + Right.Length, (await fixture.FetchAsync()).DownloadedBytes);
        IsRight(fixture);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_tag_that_changes_between_attempts_starts_over(bool honoursIfRange)
    {
        using HubFixture fixture = Fixture();
        byte[] old = Bytes(2, Right.Length);
        int attempt = 0;
        fixture.Hub.StoreAnswer = r =>
        {
            if (attempt++ == 0) return fixture.Hub.Content(r, old, "v1") with { CutAfter = 150_000 };
            ServerReply reply = fixture.Hub.Content(honoursIfRange ? r : r with { Headers = r.Headers.Where(h => h.Key != "If-Range").ToDictionary() }, Right, "v2");
            return reply;
        };
        await fixture.FetchAsync();
        Assert.Equal(honoursIfRange ? 2 : 3, attempt);
        IsRight(fixture);
    }

    [Fact]
    public async Task A_beginning_that_Python_or_a_killed_pull_left_is_used()
    {
        using HubFixture fixture = Fixture();
        Left(fixture, Right[..123_456]);
        Assert.Equal(Right.Length - 123_456, (await fixture.FetchAsync()).DownloadedBytes);
        IsRight(fixture);
    }

    [Fact]
    public async Task All_of_it_but_the_name_needs_no_byte()
    {
        using HubFixture fixture = Fixture();
        Left(fixture, Right);
        Assert.Equal(0, (await fixture.FetchAsync()).DownloadedBytes);
        Assert.Empty(fixture.Hub.StoreRequests);
        IsRight(fixture);
    }

    [Theory]
    [InlineData(100_000)]
    [InlineData(300_000)]
    [InlineData(300_001)]
    public async Task A_wrong_beginning_is_found_out_and_replaced(int length)
    {
        using HubFixture fixture = Fixture();
        Left(fixture, Bytes(3, length));
        await fixture.FetchAsync();
        IsRight(fixture);
    }

    [Fact]
    public async Task A_range_that_is_not_to_be_had_starts_over()
    {
        using HubFixture fixture = Fixture();
        Left(fixture, Right[..1000]);
        fixture.Hub.StoreAnswer = r => r.Header("Range") is null ? null : ServerReply.Of(416);
        await fixture.FetchAsync();
        IsRight(fixture);
    }

    [Theory]
    [InlineData("bytes 0-299999/300000", 300_000)]
    [InlineData("bytes 999-299999/300000", 299_001)]
    public async Task Another_range_than_was_asked_for_is_not_taken(string range, int length)
    {
        using HubFixture fixture = Fixture();
        Left(fixture, Right[..1000]);
        fixture.Hub.StoreAnswer = r => r.Header("Range") is null ? null : new ServerReply(206, Right[^length..]) { Headers = { ["Content-Range"] = range } };
        await fixture.FetchAsync();
        IsRight(fixture);
    }

    [Fact]
    public async Task A_part_that_is_shorter_than_what_was_asked_for_is_taken()
    {
        using HubFixture fixture = Fixture();
        Left(fixture, Right[..1000]);
        int left = 1;
        fixture.Hub.StoreAnswer = _ => left-- > 0 ? new ServerReply(206, Right[1000..90_000]) { Headers = { ["Content-Range"] = "bytes 1000-89999/300000" } } : null;
        Assert.Equal(Right.Length - 1000, (await fixture.FetchAsync()).DownloadedBytes);
        Assert.Equal("bytes=90000-", fixture.Hub.StoreRequests.Last().Header("Range"));
        IsRight(fixture);
    }

    [Fact]
    public async Task A_range_of_a_file_of_another_length_is_refused()
    {
        using HubFixture fixture = Fixture();
        Left(fixture, Right[..1000]);
        fixture.Hub.StoreAnswer = _ => new ServerReply(206, Right[1000..]) { Headers = { ["Content-Range"] = "bytes 1000-299999/300001" } };
        await fixture.RefusesAsync("org/tiny", "has 300001 bytes, the hub's list says 300000 bytes");
        Assert.Empty(fixture.Files("blobs"));
    }

    [Fact]
    public async Task An_empty_file_needs_no_request_for_it()
    {
        var files = HubFixture.Folder();
        files["added_tokens.json"] = [];
        using var fixture = new HubFixture(files);
        await fixture.FetchAsync();
        Assert.Empty(fixture.Content("added_tokens.json"));
        Assert.DoesNotContain(fixture.Hub.Requests, r => r.Path.EndsWith("added_tokens.json", StringComparison.Ordinal));
    }
}
