using System.Diagnostics.CodeAnalysis;
using System.Text.RegularExpressions;
using KvPolicy.Inference.Loading;

namespace KvPolicy.Inference.Hub;

/// <summary>
/// The name of a model on a hub: <c>ORG/NAME[@REVISION][:FILE.gguf]</c>, or <c>:QUANTIZATION</c> for the one GGUF of that kind
/// (<c>Q4_K_M</c>). With <see cref="Prefix"/> before it, it stands wherever a model's path may stand.
/// </summary>
public sealed partial class HubModel
{
    /// <summary>Tells a model on the hub from a path.</summary>
    public const string Prefix = "hf:";

    /// <summary>The branch that is taken where no revision is named.</summary>
    public const string DefaultRevision = "main";

    private const string Form = "ORG/NAME[@REVISION][:FILE.gguf]";

    private HubModel(string repository, string revision, string? file, string? quantization)
        => (Repository, Revision, File, Quantization) = (repository, revision, file, quantization);

    /// <summary><c>ORG/NAME</c>.</summary>
    public string Repository { get; }

    /// <summary>Branch, tag or commit.</summary>
    public string Revision { get; }

    /// <summary>The GGUF that is meant, or null; a name that leads to no other folder.</summary>
    public string? File { get; }

    /// <summary>The quantization of the GGUF that is meant (<c>Q4_K_M</c>), or null.</summary>
    public string? Quantization { get; }

    /// <summary>True where a model's path names a model on the hub.</summary>
    /// <param name="path">A path, or <c>hf:ORG/NAME</c>.</param>
    public static bool IsName(string path) => path is not null && path.StartsWith(Prefix, StringComparison.Ordinal);

    /// <summary>Reads a name, with or without <see cref="Prefix"/>.</summary>
    /// <param name="text">The name.</param>
    /// <exception cref="HubException">It is no such name.</exception>
    public static HubModel Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return TryParse(text, out HubModel? model, out string? problem) ? model : throw new HubException(problem);
    }

    /// <summary>Reads a name, with or without <see cref="Prefix"/>.</summary>
    /// <param name="text">The name.</param>
    /// <param name="model">The model.</param>
    /// <param name="problem">What is wrong with it, in one line.</param>
    public static bool TryParse(string text, [NotNullWhen(true)] out HubModel? model, [NotNullWhen(false)] out string? problem)
    {
        ArgumentNullException.ThrowIfNull(text);
        model = null;
        string name = IsName(text) ? text[Prefix.Length..] : text;
        string? file = Cut(ref name, ':'), revision = Cut(ref name, '@');
        problem = Problem(text, name, revision);
        if (problem is not null) return false;
        model = new HubModel(name, revision ?? DefaultRevision, null, null);
        if (file is null) return true;
        if (file.EndsWith(".gguf", StringComparison.OrdinalIgnoreCase)) return model.TryName(file, out model, out problem);
        return model.TryQuantization(file, out model, out problem);
    }

    /// <summary>The same model, of which one GGUF is meant.</summary>
    /// <param name="file">Its name in the repository.</param>
    /// <param name="model">The model.</param>
    /// <param name="problem">What is wrong with the name.</param>
    internal bool TryName(string file, [NotNullWhen(true)] out HubModel? model, [NotNullWhen(false)] out string? problem)
    {
        bool fits = file.EndsWith(".gguf", StringComparison.OrdinalIgnoreCase) && ModelFolder.IsInside(file);
        model = fits ? new HubModel(Repository, Revision, file, null) : null;
        problem = fits ? null : $"'{LoadError.Printable(file)}' names no .gguf of the repository; write it as the hub lists it";
        return fits;
    }

    /// <summary>The same model, of which the one GGUF of a quantization is meant.</summary>
    /// <param name="quantization">As it stands in file names: <c>Q4_K_M</c>.</param>
    /// <param name="model">The model.</param>
    /// <param name="problem">What is wrong with the name.</param>
    internal bool TryQuantization(string quantization, [NotNullWhen(true)] out HubModel? model, [NotNullWhen(false)] out string? problem)
    {
        bool fits = QuantizationForm().IsMatch(quantization);
        model = fits ? new HubModel(Repository, Revision, null, quantization) : null;
        problem = fits ? null : $"'{LoadError.Printable(quantization)}' is neither a .gguf nor a quantization; name a file, or one such as Q4_K_M";
        return fits;
    }

    /// <summary>The name, without <see cref="Prefix"/>.</summary>
    public override string ToString()
    {
        string which = File ?? Quantization ?? "";
        return Repository + (Revision == DefaultRevision ? "" : "@" + Revision) + (which.Length == 0 ? "" : ":" + which);
    }

    private static string? Cut(ref string name, char before)
    {
        int at = name.IndexOf(before);
        if (at < 0) return null;
        string rest = name[(at + 1)..];
        name = name[..at];
        return rest;
    }

    private static string? Problem(string text, string repository, string? revision)
    {
        string shown = LoadError.Printable(text);
        // An address, as it is copied from a browser, would else be a repository "https" and a file.
        if (text.Contains("://", StringComparison.Ordinal) || !RepositoryForm().IsMatch(repository) || repository.Contains("..", StringComparison.Ordinal)
            || repository.Contains("--", StringComparison.Ordinal))
            return $"'{shown}' is no model of the hub: expected {Form}, letters, digits, '.', '-' and '_' in both names";
        if (revision is not null && !IsRevision(revision)) return $"'{shown}': '{LoadError.Printable(revision)}' is no revision; name a branch, a tag or a commit";
        return null;
    }

    // As git has it, and a path below refs/ that stays there.
    private static bool IsRevision(string revision)
        => RevisionForm().IsMatch(revision) && ModelFolder.IsInside(revision) && !revision.Contains("..", StringComparison.Ordinal);

    [GeneratedRegex(@"\A[A-Za-z0-9_]([A-Za-z0-9_.-]{0,94}[A-Za-z0-9_])?(/[A-Za-z0-9_]([A-Za-z0-9_.-]{0,94}[A-Za-z0-9_])?)?\z", RegexOptions.CultureInvariant)]
    private static partial Regex RepositoryForm();

    [GeneratedRegex(@"\A[A-Za-z0-9_][A-Za-z0-9_./+=-]{0,199}\z", RegexOptions.CultureInvariant)]
    private static partial Regex RevisionForm();

    [GeneratedRegex(@"\A[A-Za-z0-9][A-Za-z0-9_-]{0,39}\z", RegexOptions.CultureInvariant)]
    private static partial Regex QuantizationForm();
}
