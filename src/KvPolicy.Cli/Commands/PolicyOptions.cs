using KvPolicy.Cli.CommandLine;
using KvPolicy.Policies;

namespace KvPolicy.Cli.Commands;

/// <summary>Which policy a command works with, and how it is set.</summary>
internal static class PolicyOptions
{
    private static readonly Option PolicyOption = new("--policy", "P", "a policy of `kvpolicy policies`");

    /// <summary>The policy and its parameters, without budgets.</summary>
    internal static IReadOnlyList<Option> Unbudgeted { get; } = [PolicyOption, new("--set", "NAME=VALUE", "a parameter of the policy") { Repeatable = true }];

    /// <summary>The policy, its budgets and parameters.</summary>
    internal static IReadOnlyList<Option> All { get; } =
    [
        PolicyOption,
        new("--keep", "R", "fraction of the prompt that stays, above 0 and at most 1; the policy's own if left out"),
        new("--keep-tokens", "N", "tokens that stay per layer and KV head"),
        new("--decode-keep", "R", "fraction that stays while decoding; --keep if left out"),
        new("--decode-keep-tokens", "N", "tokens that stay while decoding"),
        Unbudgeted[1],
    ];

    /// <summary>The policy's facts; <c>--policy</c> must be given.</summary>
    internal static PolicyInfo Find(Arguments arguments) => Find(arguments.Required("--policy"));

    /// <summary>The facts of a policy.</summary>
    internal static PolicyInfo Find(string name)
    {
        IReadOnlyList<PolicyInfo> all = Catalog.All;
        return all.FirstOrDefault(p => p.Name == name)
            ?? throw new UsageException($"--policy '{name}' is not known{ArgumentParser.Suggest(name, all.Select(p => p.Name))}; known: {string.Join(", ", all.Select(p => p.Name))}");
    }

    /// <summary>The policy that was asked for.</summary>
    internal static IKvPolicy Create(Arguments arguments) => Find(arguments).Create(Settings(arguments));

    /// <summary>The policy that was asked for, or null without <c>--policy</c>; then its other options are refused.</summary>
    internal static IKvPolicy? CreateOrNone(Arguments arguments)
    {
        foreach (Option option in All.Skip(1)) arguments.Needs(option.Name, PolicyOption.Name);
        return arguments.Has(PolicyOption.Name) ? Create(arguments) : null;
    }

    /// <summary>Budgets and parameters as given.</summary>
    internal static PolicySettings Settings(Arguments arguments) => new()
    {
        Keep = BudgetOf(arguments, "--keep", "--keep-tokens"),
        DecodeKeep = BudgetOf(arguments, "--decode-keep", "--decode-keep-tokens"),
        Values = ValuesOf(arguments),
    };

    private static Budget? BudgetOf(Arguments arguments, string fraction, string tokens)
    {
        arguments.OneOf(fraction, tokens);
        return arguments.Whole(tokens, 1) is { } count ? Budget.OfTokens(count) : arguments.Fraction(fraction);
    }

    private static Dictionary<string, string> ValuesOf(Arguments arguments)
    {
        var values = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (string given in arguments.All("--set"))
        {
            int equals = given.IndexOf('=');
            if (equals < 1) throw Arguments.Wrong("--set", given, "NAME=VALUE, such as window=32");
            if (!values.TryAdd(given[..equals], given[(equals + 1)..])) throw new UsageException($"--set {given[..equals]} was given twice; give it once");
        }

        return values;
    }
}
