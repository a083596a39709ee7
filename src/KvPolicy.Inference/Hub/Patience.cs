using System.Globalization;

namespace KvPolicy.Inference.Hub;

/// <summary>How often something is tried again, and after what pause: 1, 2, 4 ... s, or what the server asks for.</summary>
internal sealed class Patience(TimeProvider clock)
{
    /// <summary>Attempts that bring nothing, one after another.</summary>
    internal const int Attempts = 6;

    private static readonly TimeSpan LongestWait = TimeSpan.FromMinutes(2);
    private int _failures;

    /// <summary>An attempt got somewhere: counting starts anew.</summary>
    internal void Renew() => _failures = 0;

    /// <summary>Waits before the next attempt.</summary>
    /// <exception cref="HubException">There have been enough, or the server asks for more patience than there is.</exception>
    internal async Task WaitAsync(PassingFaultException fault, CancellationToken cancellation)
    {
        _failures++;
        if (fault.Wait > LongestWait)
            throw new HubException(string.Create(CultureInfo.InvariantCulture, $"{fault.Message}; the server asks to wait {Math.Ceiling(fault.Wait.Value.TotalSeconds)} s"), fault);
        if (_failures >= Attempts) throw new HubException(string.Create(CultureInfo.InvariantCulture, $"{fault.Message} (tried {_failures} times)"), fault);
        TimeSpan pause = fault.Wait is { } asked && asked >= TimeSpan.Zero ? asked : TimeSpan.FromSeconds(1 << (_failures - 1));
        await Task.Delay(pause, clock, cancellation).ConfigureAwait(false);
    }

    /// <summary>Tries until it succeeds, or patience ends.</summary>
    internal static async Task<T> TryAsync<T>(TimeProvider clock, Func<Task<T>> attempt, CancellationToken cancellation)
    {
        var patience = new Patience(clock);
        while (true)
        {
            try
            {
                return await attempt().ConfigureAwait(false);
            }
            catch (PassingFaultException fault)
            {
                await patience.WaitAsync(fault, cancellation).ConfigureAwait(false);
            }
        }
    }
}
