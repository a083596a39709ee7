using KvPolicy.Inference.Models;
using KvPolicy.Inference.Sessions;

namespace KvPolicy.Inference;

/// <summary>The policy of a saved session, as far as a file can hold it: what makes it again from a catalogue.</summary>
/// <param name="Name">Class name.</param>
/// <param name="Settings">Budgets and parameters.</param>
public sealed record SavedPolicy(string Name, PolicySettings Settings)
{
    /// <summary>Looks it up.</summary>
    /// <param name="path">File of <see cref="GenerationSession.Save(string)"/>.</param>
    /// <returns>Null for a session without a policy.</returns>
    /// <exception cref="ModelFormatException">No session, or a damaged one.</exception>
    public static SavedPolicy? Read(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        using var reader = SessionReader.Open(path);
        return reader.PolicyName.Length == 0 ? null : new SavedPolicy(reader.PolicyName, reader.ReadSettings());
    }
}
