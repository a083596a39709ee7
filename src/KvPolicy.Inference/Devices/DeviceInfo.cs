namespace KvPolicy.Inference;

/// <summary>A device that was looked for on this machine.</summary>
/// <param name="Name">As the command line takes it: <c>cpu, simulator, cuda, opencl</c>.</param>
/// <param name="Available">True where it can be used.</param>
/// <param name="Detail">What was found, or why not.</param>
public sealed record DeviceInfo(string Name, bool Available, string Detail);
