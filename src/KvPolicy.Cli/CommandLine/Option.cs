namespace KvPolicy.Cli.CommandLine;

/// <summary>An option of a command.</summary>
/// <param name="Name">With its dashes: <c>--keep</c>.</param>
/// <param name="Value">What stands for its value in help: <c>R</c>; null for a switch.</param>
/// <param name="Help">One line.</param>
internal sealed record Option(string Name, string? Value, string Help)
{
    /// <summary>May be given more than once (<c>--set</c>).</summary>
    public bool Repeatable { get; init; }

    /// <summary>Words allowed as the value; empty for any text.</summary>
    public IReadOnlyList<string> Choices { get; init; } = [];

    /// <summary>True where no value follows.</summary>
    public bool IsSwitch => Value is null;
}
