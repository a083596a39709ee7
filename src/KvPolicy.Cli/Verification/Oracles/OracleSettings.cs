using System.Globalization;

namespace KvPolicy.Cli.Verification.Oracles;

/// <summary>What a user asked of a policy, read a second time: budgets and numbers by name, nothing of the compiled plan.</summary>
internal sealed class OracleSettings
{
    private readonly Dictionary<string, string> _values;

    /// <summary>The policy's defaults under the user's settings.</summary>
    internal OracleSettings(PolicyInfo info, PolicySettings settings)
    {
        _values = info.Parameters.ToDictionary(p => p.Name, p => p.Default);
        foreach ((string name, string value) in settings.Values) _values[name] = value;
        Keep = settings.Keep ?? info.DefaultKeep;
        // Without a decode budget: the prefill's that was given (a number of tokens speaks only for the prompt), else the policy's own.
        DecodeKeep = settings.DecodeKeep ?? settings.Keep ?? info.DefaultDecodeKeep ?? 1;
        if (settings.DecodeKeep is null && settings.Keep is { IsTokens: true }) DecodeKeepOfGenerated = info.DefaultDecodeKeep ?? 1;
        else DecodeKeepOfGenerated = DecodeKeep;
    }

    /// <summary>Budget after the prefill.</summary>
    internal Budget Keep { get; }

    /// <summary>Budget while decoding, of a policy whose decode budget is that of the prompt.</summary>
    internal Budget DecodeKeep { get; }

    /// <summary>Budget while decoding, of a policy whose decode budget is of what was generated.</summary>
    internal Budget DecodeKeepOfGenerated { get; }

    /// <summary>A whole number by name; <paramref name="fallback"/> where the policy does not have it or leaves it open.</summary>
    internal int Number(string name, int fallback)
        => _values.TryGetValue(name, out string? text) && int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int number) && number >= 0
            ? number
            : fallback;

    /// <summary>A word by name.</summary>
    internal string Word(string name, string fallback) => _values.GetValueOrDefault(name, fallback);
}
