using System.Globalization;
using KvPolicy.Policies;

namespace KvPolicy.Cli.Verification;

/// <summary>A policy with the settings under which it is verified.</summary>
/// <param name="Info">The policy.</param>
/// <param name="Settings">Budgets and parameters.</param>
internal sealed record VerifiedPolicy(PolicyInfo Info, PolicySettings Settings)
{
    // On a prompt of some 200 tokens a window of 64 would leave nothing to compete.
    private const int ShortWindow = 16;

    /// <summary>How results name it.</summary>
    internal string Name => Settings.Values.TryGetValue("scope", out string? scope) ? $"{Info.Name} scope={scope}" : Info.Name;

    /// <summary>An instance under these settings.</summary>
    internal IKvPolicy Create() => Info.Create(Settings);

    /// <summary>An instance under other budgets.</summary>
    internal IKvPolicy Create(Budget keep, Budget decodeKeep) => Info.Create(Settings with { Keep = keep, DecodeKeep = decodeKeep });

    /// <summary>Every policy of the catalogue, one with a choice of scope under both.</summary>
    internal static IEnumerable<VerifiedPolicy> All() => Catalog.All.SelectMany(info => Variants(info, new PolicySettings()));

    /// <summary>A policy under the user's settings, what they leave open fitted to a short prompt.</summary>
    internal static IEnumerable<VerifiedPolicy> Variants(PolicyInfo info, PolicySettings given)
    {
        var values = new Dictionary<string, string>(given.Values);
        foreach (ParameterInfo parameter in info.Parameters.Where(p => p.Name is "window" or "recent" && !given.Values.ContainsKey(p.Name)))
        {
            if (int.TryParse(parameter.Default, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number > ShortWindow) values[parameter.Name] = ShortWindow.ToString(CultureInfo.InvariantCulture);
        }

        PolicySettings fitted = given with { Keep = given.Keep ?? 0.3, Values = values };
        yield return new VerifiedPolicy(info, fitted);
        if (given.Values.ContainsKey("scope") || !info.Parameters.Any(p => p.Name == "scope" && p.Choices.Contains("model"))) yield break;
        yield return new VerifiedPolicy(info, fitted with { Values = new Dictionary<string, string>(values) { ["scope"] = "model" } });
    }
}
