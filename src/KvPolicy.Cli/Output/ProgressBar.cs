using Spectre.Console;

namespace KvPolicy.Cli.Output;

/// <summary>A bar on standard error while long work runs; nothing where nobody looks. Gone when disposed, or when all is done.</summary>
internal sealed class ProgressBar : IDisposable
{
    private readonly TaskCompletionSource _done = new();
    private readonly Task _shown = Task.CompletedTask;
    private ProgressTask? _bar;

    private ProgressBar()
    {
    }

    private ProgressBar(IAnsiConsole console, string what)
        => _shown = console.Progress().AutoClear(true).StartAsync(bars =>
        {
            _bar = bars.AddTask(Markup.Escape(what));
            return _done.Task;
        });

    /// <summary>A bar, or one that shows nothing.</summary>
    /// <param name="console">Where; null for nowhere.</param>
    /// <param name="what">Its name.</param>
    internal static ProgressBar Start(IAnsiConsole? console, string what) => console is null ? new ProgressBar() : new ProgressBar(console, what);

    /// <summary>The share that is done, 0 to 1; at 1 the bar goes, so that text may follow.</summary>
    internal void Report(double share)
    {
        if (_bar is not null) _bar.Value = Math.Clamp(share, 0, 1) * 100;
        if (share >= 1) Dispose();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _done.TrySetResult();
        _shown.Wait();
    }
}
