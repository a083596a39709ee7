namespace KvPolicy.Inference;

/// <summary>A device that cannot be used here. The message is one line: what, why, what to use instead.</summary>
public sealed class DeviceException(string message) : Exception(message);
