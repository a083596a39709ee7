using KvPolicy.Cli.CommandLine;
using KvPolicy.Inference.Hub;

namespace KvPolicy.Cli.Output;

/// <summary>The bar of a fetch: starts when it is known how much is to come, so that its name can say so.</summary>
internal sealed class HubBar(Session session, Arguments arguments, string what) : IProgress<HubProgress>, IDisposable
{
    private ProgressBar? _bar;

    public void Report(HubProgress value)
    {
        if (value.Total == 0) return;
        _bar ??= session.StartBar($"{what}, {ByteCount.Show(value.Total)}", arguments);
        _bar.Report((double)value.Done / value.Total);
    }

    public void Dispose() => _bar?.Dispose();
}
