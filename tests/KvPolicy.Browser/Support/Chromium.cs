using PuppeteerSharp;

namespace KvPolicy.Browser.Support;

/// <summary>The browser of this machine, without a window, a network or a profile.</summary>
public sealed class Chromium : IAsyncLifetime
{
    private static readonly string[] Names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
    private static readonly string[] Quiet =
    [
        "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    ];

    private readonly TemporaryFolder _profile = new();
    private IBrowser? _browser;

    /// <summary>The browser.</summary>
    internal IBrowser Browser => _browser ?? throw new InvalidOperationException("The browser was not started.");

    public async Task InitializeAsync()
        => _browser = await Puppeteer.LaunchAsync(new LaunchOptions { ExecutablePath = Find(), Headless = true, Args = Quiet, UserDataDir = _profile.Path });

    public async Task DisposeAsync()
    {
        if (_browser is not null) await _browser.DisposeAsync();
        _profile.Dispose();
    }

    private static string Find()
        => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).SelectMany(folder => Names.Select(name => Path.Combine(folder, name))).FirstOrDefault(File.Exists)
            ?? throw new InvalidOperationException("Chromium is not on the PATH: install it (Debian: apt-get install chromium).");
}
