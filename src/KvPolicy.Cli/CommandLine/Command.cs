using KvPolicy.Cli.Output;

namespace KvPolicy.Cli.CommandLine;

/// <summary>A command of the program: what it takes, how it is explained, what it does.</summary>
internal sealed record Command
{
    /// <summary>As it is typed.</summary>
    public required string Name { get; init; }

    /// <summary>One line for the list of commands.</summary>
    public required string Summary { get; init; }

    /// <summary>Its own options; <c>--json</c> and <c>--help</c> belong to every command.</summary>
    public required IReadOnlyList<Option> Options { get; init; }

    /// <summary>The word that follows no option, as help calls it; null for a command that takes none.</summary>
    public Option? Operand { get; init; }

    /// <summary>Command lines that work as they stand.</summary>
    public required IReadOnlyList<string> Examples { get; init; }

    /// <summary>Does it and returns the exit code.</summary>
    public required Func<Arguments, Session, int> Run { get; init; }
}
