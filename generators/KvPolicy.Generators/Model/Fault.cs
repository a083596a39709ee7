using KvPolicy.Generators.Helpers;

namespace KvPolicy.Generators.Model;

/// <summary>A declaration that is refused: which rule, where, and the words of the message. The analyzer finds the place in the source.</summary>
/// <param name="Id">Id of the diagnostic.</param>
/// <param name="Subject">What it is about.</param>
/// <param name="Arguments">Arguments of the message.</param>
internal sealed record Fault(string Id, Subject Subject, EquatableArray<string> Arguments)
{
    public static Fault Of(string id, Subject subject, params string[] arguments) => new(id, subject, new(arguments));
}

/// <summary>A part of a declaration.</summary>
internal abstract record Subject
{
    /// <summary>The class.</summary>
    public sealed record Class : Subject;

    /// <summary>An attribute of the class.</summary>
    /// <param name="MetadataName">Full name of the attribute.</param>
    public sealed record Attribute(string MetadataName) : Subject;

    /// <summary>A hook or another member.</summary>
    /// <param name="Name">Its name.</param>
    public sealed record Member(string Name) : Subject;

    /// <summary>A parameter of a hook.</summary>
    /// <param name="Hook">The hook's name.</param>
    /// <param name="Name">The parameter's name.</param>
    public sealed record Parameter(string Hook, string Name) : Subject;
}

/// <summary>What parsing gives: a model, or why not.</summary>
internal sealed record ParseResult(PolicyModel? Model, EquatableArray<Fault> Faults);
