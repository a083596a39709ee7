using PuppeteerSharp;
using PuppeteerSharp.Input;

namespace KvPolicy.Browser.Support;

/// <summary>A page opened from its file, with everything that it asked for and complained about.</summary>
internal sealed class OpenPage : IAsyncDisposable
{
    private readonly List<string> _requests = [];
    private readonly List<string> _complaints = [];

    private OpenPage(IPage page) => Page = page;

    /// <summary>The page.</summary>
    internal IPage Page { get; }

    /// <summary>Addresses that were asked for.</summary>
    internal IReadOnlyList<string> Requests => _requests;

    /// <summary>Console messages, uncaught errors, dialogs, refusals of the content policy.</summary>
    internal IReadOnlyList<string> Complaints => _complaints;

    /// <summary>Opens a file and waits until it shows something.</summary>
    internal static async Task<OpenPage> Of(Chromium chromium, string file, int width = 1400, int height = 1000)
    {
        var open = new OpenPage(await chromium.Browser.NewPageAsync());
        open.Page.Request += (_, e) => open._requests.Add(e.Request.Url);
        open.Page.Console += (_, e) => open._complaints.Add($"console {e.Message.Type}: {e.Message.Text}");
        open.Page.PageError += (_, e) => open._complaints.Add($"error: {e.Message}");
        open.Page.Dialog += async (_, e) =>
        {
            open._complaints.Add($"dialog: {e.Dialog.Message}");
            await e.Dialog.Dismiss();
        };
        await open.Page.SetViewportAsync(new ViewPortOptions { Width = width, Height = height });
        await open.Page.GoToAsync(Address(file));
        await open.Page.WaitForFunctionAsync("() => document.documentElement.dataset.shown !== undefined");
        return open;
    }

    /// <summary>A file's address.</summary>
    internal static string Address(string file) => new Uri(file).AbsoluteUri;

    /// <summary>The page asked for nothing but itself and complained about nothing.</summary>
    internal void AssertQuiet(string file)
    {
        Assert.Equal([], Complaints);
        Assert.Equal([Address(file)], Requests);
    }

    /// <summary>Value of an expression.</summary>
    internal Task<T> Get<T>(string expression) => Page.EvaluateExpressionAsync<T>(expression);

    /// <summary>Positions of a text's tokens that have every class.</summary>
    internal Task<int[]> Positions(string panel, string classes) => Get<int[]>($"[...document.querySelectorAll('#{panel} .t{classes}')].map(token => Number(token.dataset.i))");

    /// <summary>Presses keys one after the other.</summary>
    internal async Task Press(params string[] keys)
    {
        foreach (string key in keys) await Page.Keyboard.PressAsync(key);
    }

    /// <summary>Moves the sliders by their keys alone and waits until the page shows that head.</summary>
    internal async Task Choose(int layer, int head, string scale = "rank")
    {
        foreach ((string slider, int value) in new[] { ("layer", layer), ("head", head) })
        {
            await Page.FocusAsync($"#{slider}");
            await Press(["Home", .. Enumerable.Repeat("ArrowRight", value)]);
        }

        await Shows($"{layer}/{head}/{scale}");
    }

    /// <summary>Waits until the page shows a layer, head and scale.</summary>
    internal Task Shows(string what) => Page.WaitForFunctionAsync("what => document.documentElement.dataset.shown === what", what);

    /// <summary>Clicks at a place given in the element's own pixels.</summary>
    internal async Task ClickAt(string selector, double x, double y)
    {
        double[] corner = await Get<double[]>($"(() => {{ const e = document.querySelector('{selector}'); e.scrollIntoView({{ block: 'center', behavior: 'instant' }}); const r = e.getBoundingClientRect(); return [r.x, r.y]; }})()");
        await Page.Mouse.ClickAsync((decimal)(corner[0] + x), (decimal)(corner[1] + y), new ClickOptions());
    }

    /// <summary>A picture for whoever asked for pictures: into the folder that KVPOLICY_SCREENSHOTS names.</summary>
    internal async Task Picture(string name)
    {
        if (Environment.GetEnvironmentVariable("KVPOLICY_SCREENSHOTS") is not { Length: > 0 } folder) return;
        await Page.ScreenshotAsync(Path.Combine(folder, name + ".png"));
    }

    public async ValueTask DisposeAsync() => await Page.CloseAsync();
}
