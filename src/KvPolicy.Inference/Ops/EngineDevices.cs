namespace KvPolicy.Inference.Ops;

/// <summary>A device that was opened.</summary>
/// <param name="Ops">Its operations; the caller disposes them.</param>
/// <param name="Note">Why <c>auto</c> took it, or empty.</param>
internal sealed record OpenedDevice(IEngineOps Ops, string Note);

/// <summary>Opens devices by the names of the command line.</summary>
internal static class EngineDevices
{
    /// <summary>What may be asked for.</summary>
    internal static IReadOnlyList<string> Names { get; } = ["auto", "cpu"];

    /// <summary>Opens a device.</summary>
    /// <param name="name">One of <see cref="Names"/>.</param>
    /// <param name="threads">Threads of the host, 0 for one a core.</param>
    /// <exception cref="DeviceException">The name is unknown, or this machine has no such device.</exception>
    internal static OpenedDevice Open(string name, int threads) => name switch
    {
        "cpu" => new OpenedDevice(new HostOps(threads), ""),
        "auto" => new OpenedDevice(new HostOps(threads), "auto took cpu: no other device is known"),
        _ => throw new DeviceException($"device '{name}' is unknown; use one of {string.Join(", ", Names)}"),
    };
}

/// <summary>A device that cannot be used here. The message is one line: what, why, what to use instead.</summary>
public sealed class DeviceException(string message) : Exception(message);
