using System.Globalization;

namespace KvPolicy;

/// <summary>How many tokens stay: a fraction of something, or a number of tokens. <c>Keep = 0.1</c> and <c>Keep = Budget.OfTokens(64)</c> both read well.</summary>
public readonly record struct Budget
{
    private readonly decimal _ratio;
    private readonly int _tokens;

    private Budget(decimal ratio, int tokens) => (_ratio, _tokens) = (ratio, tokens);

    /// <summary>True where it is a number of tokens.</summary>
    public bool IsTokens => _tokens > 0;

    /// <summary>The fraction that stays, in (0, 1]; 1 for a number of tokens.</summary>
    public decimal Ratio => IsTokens ? 1m : _ratio;

    /// <summary>The number of tokens, or 0 where it is a fraction.</summary>
    public int Tokens => _tokens;

    /// <summary>True for a fraction of 1: nothing is evicted in that phase, whatever the base.</summary>
    public bool KeepsAll => !IsTokens && _ratio >= 1m;

    /// <summary>A fraction, read as the decimal that was written: 0.1 of 130 is 13.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not in (0, 1].</exception>
    public static Budget OfRatio(decimal keep)
        => keep is > 0m and <= 1m ? new(keep, 0) : throw new ArgumentOutOfRangeException(nameof(keep), keep, "Keep is the fraction that stays: above 0, at most 1.");

    /// <summary>A number of tokens per layer and KV head.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Below 1.</exception>
    public static Budget OfTokens(int tokens)
        => tokens >= 1 ? new(0m, tokens) : throw new ArgumentOutOfRangeException(nameof(tokens), tokens, "A token budget is at least 1.");

    /// <summary>A fraction given as a double: <c>(decimal)0.1</c> is 0.1.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not in (0, 1], or not a number.</exception>
    public static implicit operator Budget(double keep)
        => keep is > 0 and <= 1 ? OfRatio(Math.Max((decimal)keep, 1e-28m)) : throw new ArgumentOutOfRangeException(nameof(keep), keep, "Keep is the fraction that stays: above 0, at most 1.");

    /// <summary>A fraction given as a float: <c>0.7f</c> is 0.7, not the nearest float.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not in (0, 1], or not a number.</exception>
    public static implicit operator Budget(float keep)
        => keep is > 0f and <= 1f
            ? OfRatio(Math.Max(decimal.Parse(keep.ToString("R", CultureInfo.InvariantCulture), NumberStyles.Float, CultureInfo.InvariantCulture), 1e-28m))
            : throw new ArgumentOutOfRangeException(nameof(keep), keep, "Keep is the fraction that stays: above 0, at most 1.");

    /// <summary>Tokens that stay of <paramref name="n"/>: max(1, floor(Keep x n)), or the number itself.</summary>
    public int FloorOf(int n) => IsTokens ? _tokens : Math.Max(1, (int)decimal.Floor(_ratio * n));

    /// <summary>Tokens that stay of <paramref name="n"/>: max(1, ceil(Keep x n)), or the number itself.</summary>
    public int CeilingOf(int n) => IsTokens ? _tokens : Math.Max(1, (int)decimal.Ceiling(_ratio * n));

    /// <inheritdoc/>
    public override string ToString() => IsTokens ? string.Create(CultureInfo.InvariantCulture, $"{_tokens} tokens") : _ratio.ToString(CultureInfo.InvariantCulture);
}
