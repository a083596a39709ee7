using System.Numerics;

namespace KvPolicy.Cli.CommandLine;

/// <summary>The options that were given to a command. Every getter refuses a wrong value by naming option, value and what is allowed.</summary>
internal sealed class Arguments
{
    private readonly Dictionary<string, List<string>> _values;

    internal Arguments(Command command, Dictionary<string, List<string>> values) => (Command, _values) = (command, values);

    /// <summary>The command.</summary>
    internal Command Command { get; }

    /// <summary>True where standard output is one JSON value.</summary>
    internal bool Json => Has("--json");

    /// <summary>True where the option was given.</summary>
    internal bool Has(string option) => _values.ContainsKey(option);

    /// <summary>The option's text, or null.</summary>
    internal string? Text(string option) => _values.TryGetValue(option, out List<string>? given) ? given[0] : null;

    /// <summary>Every value of a repeatable option.</summary>
    internal IReadOnlyList<string> All(string option) => _values.TryGetValue(option, out List<string>? given) ? given : [];

    /// <summary>The option's text; refused where it is missing.</summary>
    internal string Required(string option)
        => Text(option) ?? throw new UsageException($"{option} is missing; see `kvpolicy {Command.Name} --help`");

    /// <summary>A whole number within a range, or a default.</summary>
    internal int? Whole(string option, int least, int most = int.MaxValue)
    {
        if (Text(option) is not { } text) return null;
        if (!Numbers.TryWhole(text, out BigInteger value) || value < least || value > most) throw Wrong(option, text, $"a whole number from {least} to {most}");
        return (int)value;
    }

    /// <summary>A whole number of at least 0, of which more than there is means all: however large it is, it is taken.</summary>
    internal int? UpTo(string option)
    {
        if (Text(option) is not { } text) return null;
        return Numbers.TryWhole(text, out BigInteger value) && value >= 0 ? (int)BigInteger.Min(value, int.MaxValue) : throw Wrong(option, text, "a whole number of at least 0");
    }

    /// <summary>A seed: any whole number from 0 to 2^63 - 1.</summary>
    internal long? Seed(string option)
    {
        if (Text(option) is not { } text) return null;
        return Numbers.TryWhole(text, out BigInteger value) && value >= 0 && value <= long.MaxValue ? (long)value : throw Wrong(option, text, $"a whole number from 0 to {long.MaxValue}");
    }

    /// <summary>A real number that a test accepts.</summary>
    /// <param name="option">Option.</param>
    /// <param name="accepts">The test.</param>
    /// <param name="allowed">What it accepts, in words.</param>
    internal double? Real(string option, Func<double, bool> accepts, string allowed)
    {
        if (Text(option) is not { } text) return null;
        return Numbers.TryReal(text, out double value) && accepts(value) ? value : throw Wrong(option, text, allowed);
    }

    /// <summary>A fraction that stays, in (0, 1], exactly as it was written.</summary>
    internal Budget? Fraction(string option) => Has(option) ? Fractions(option)[0] : null;

    /// <summary>Every fraction that was given, each in (0, 1], exactly as it was written.</summary>
    internal IReadOnlyList<Budget> Fractions(string option) => [.. All(option).Select(text =>
        Numbers.TryDecimal(text, out decimal value) && value is > 0 and <= 1 ? Budget.OfRatio(value) : throw Wrong(option, text, "the fraction that stays: above 0, at most 1, such as 0.25"))];

    /// <summary>Refuses two options that say the same thing.</summary>
    internal void OneOf(string first, string second)
    {
        if (Has(first) && Has(second)) throw new UsageException($"{first} and {second} were both given; give one of them");
    }

    /// <summary>Refuses an option that means nothing without another.</summary>
    internal void Needs(string option, string other)
    {
        if (Has(option) && !Has(other)) throw new UsageException($"{option} means nothing without {other}; add it or leave {option} out");
    }

    /// <summary>The error of a value that an option does not take.</summary>
    internal static UsageException Wrong(string option, string value, string allowed) => new($"{option} '{value}': expected {allowed}");
}
