using System.Globalization;

namespace KvPolicy.Evaluation.Runs;

/// <summary>A policy under one budget in one mode: a row of a table.</summary>
/// <param name="Policy">The policy.</param>
/// <param name="Keep">Its budget; a fraction of the compressed tokens n gives floor(keep x n).</param>
/// <param name="Mode">What is compressed.</param>
public sealed record PolicyCell(PolicyInfo Policy, Budget Keep, CompressionMode Mode)
{
    /// <summary>Widest observation window; a small budget halves it further.</summary>
    public const int Window = 16;

    /// <summary>Last queries of the prompt that a policy reads which could read them all.</summary>
    public const int Rows = 16;

    /// <summary>True where the policy evicts nothing after a prefill whatever the budget: its row is the full cache's.</summary>
    public bool KeepsAll { get; } = Policy.Create(new PolicySettings { Keep = Keep }).Plan.Prefill is null;

    /// <summary>
    /// The settings for n tokens. Windows are min(16, budget / 2), so that half of a small budget is left for what competes; a policy with a
    /// choice of rows reads the last 16; nothing is evicted while decoding; a policy that draws lots draws its own for each prompt.
    /// </summary>
    /// <param name="tokens">n: tokens that are compressed.</param>
    /// <param name="seed">Of the prompt.</param>
    internal PolicySettings SettingsFor(int tokens, int seed)
    {
        int window = Math.Max(1, Math.Min(Window, Keep.FloorOf(tokens) / 2));
        var values = new Dictionary<string, string>(StringComparer.Ordinal);
        bool observesWindow = Has("window");
        foreach (ParameterInfo parameter in Policy.Parameters)
        {
            int? value = parameter.Name switch
            {
                "window" => window,
                "recent" when observesWindow => window,
                "rows" => Rows,
                "seed" => seed,
                _ => null,
            };
            if (value is { } number) values[parameter.Name] = number.ToString(CultureInfo.InvariantCulture);
        }

        return new PolicySettings { Keep = Keep, DecodeKeep = Budget.OfRatio(1), Values = values };
    }

    private bool Has(string parameter) => Policy.Parameters.Any(p => p.Name == parameter);
}
