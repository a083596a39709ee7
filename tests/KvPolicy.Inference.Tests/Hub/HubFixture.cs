using KvPolicy.Inference.Hub;
using KvPolicy.Inference.Tests.Loading.Building;
using KvPolicy.Inference.Tests.Support;
using KvPolicy.Tests.Hub;

namespace KvPolicy.Inference.Tests.Hub;

/// <summary>A hub with a model that loads, and an empty cache.</summary>
internal sealed class HubFixture : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    internal HubFixture(IReadOnlyDictionary<string, byte[]>? files = null) : this(new LoopbackHub(files ?? Folder()))
    {
    }

    internal HubFixture(LoopbackHub hub)
    {
        Hub = hub;
        Settings = new HubSettings { Endpoint = hub.Address, CacheFolder = Path.Combine(_folder.Path, "hub"), Clock = Clock };
    }

    internal LoopbackHub Hub { get; }

    internal HubSettings Settings { get; init; }

    /// <summary>The clock of the pauses: none takes time.</summary>
    internal SkippingClock Clock { get; } = new();

    /// <summary>Folder of the repository in the cache.</summary>
    internal string Cache => Path.Combine(Settings.CacheFolder, "models--org--tiny");

    internal string Snapshot => Path.Combine(Cache, "snapshots", LoopbackHub.Commit);

    /// <summary>A model of two layers with what else lies in such a repository.</summary>
    internal static Dictionary<string, byte[]> Folder() => new(TinyModel.Folder())
    {
        ["README.md"] = "# tiny"u8.ToArray(),
        [".gitattributes"] = "*.safetensors filter=lfs"u8.ToArray(),
        ["pytorch_model.bin"] = [1, 2, 3],
        ["onnx/model.onnx"] = [4, 5],
        ["consolidated.safetensors"] = [6],
    };

    /// <summary>Names that a fetch of <see cref="Folder"/> takes.</summary>
    internal static string[] Taken { get; } = [.. TinyModel.Folder().Keys.Order(StringComparer.Ordinal)];

    internal Task<HubFetch> FetchAsync(string name = LoopbackHub.Repository, IProgress<HubProgress>? progress = null, CancellationToken cancellation = default)
        => ModelHub.FetchAsync(HubModel.Parse(name), Settings, progress, cancellation);

    /// <summary>A fetch that must fail with one line that says what to do.</summary>
    internal async Task<string> RefusesAsync(string name, params string[] parts)
    {
        string message = (await Assert.ThrowsAsync<HubException>(() => FetchAsync(name))).Message;
        Assert.DoesNotContain('\n', message);
        Assert.Contains(';', message); // what is wrong; what to do
        foreach (string part in parts) Assert.Contains(part, message, StringComparison.Ordinal);
        NothingHalf();
        return message;
    }

    /// <summary>No file of the snapshot is anything but whole, and no revision is noted that is not.</summary>
    internal void NothingHalf()
    {
        if (!Directory.Exists(Cache)) return;
        foreach (string blob in Files("blobs").Where(b => !b.EndsWith(".incomplete", StringComparison.Ordinal)))
        {
            byte[] content = File.ReadAllBytes(Path.Combine(Cache, "blobs", blob));
            Assert.Equal(blob, blob.Length == 64 ? LoopbackHub.Sha256(content) : LoopbackHub.GitSha1(content));
        }

        Assert.DoesNotContain(Files("snapshots"), f => f.EndsWith(".tmp", StringComparison.Ordinal));
        if (!File.Exists(Path.Combine(Cache, "refs", "main"))) Assert.Empty(Files("snapshots"));
    }

    /// <summary>Names below a folder of the cache, <c>/</c> between folders, sorted.</summary>
    internal string[] Files(string folder)
    {
        string path = Path.Combine(Cache, folder);
        if (!Directory.Exists(path)) return [];
        return [.. Directory.EnumerateFiles(path, "*", SearchOption.AllDirectories).Select(f => Path.GetRelativePath(path, f).Replace('\\', '/')).Order(StringComparer.Ordinal)];
    }

    internal byte[] Content(string file) => File.ReadAllBytes(Path.Combine(Snapshot, file));

    public void Dispose()
    {
        Hub.Dispose();
        _folder.Dispose();
    }
}

/// <summary>Every pause ends at once; how long each would have been is written down.</summary>
internal sealed class SkippingClock : TimeProvider
{
    internal List<TimeSpan> Pauses { get; } = [];

    public override DateTimeOffset GetUtcNow() => new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        lock (Pauses) Pauses.Add(dueTime);
        return base.CreateTimer(callback, state, TimeSpan.Zero, period);
    }
}
