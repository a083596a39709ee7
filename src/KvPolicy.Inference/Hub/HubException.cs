namespace KvPolicy.Inference.Hub;

/// <summary>A model that cannot be fetched or found. The message is one line: which model or file, what is wrong, what to do.</summary>
public sealed class HubException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>A fault that may pass: tried again after a while; its message is told when it does not pass.</summary>
internal sealed class PassingFaultException(string message, TimeSpan? wait = null, Exception? inner = null) : Exception(message, inner)
{
    /// <summary>How long the server asks to wait, or null.</summary>
    internal TimeSpan? Wait { get; } = wait;
}
