using System.Globalization;
using System.Numerics;

namespace KvPolicy.Cli.CommandLine;

/// <summary>Numbers as arguments and messages hold them: the invariant form, whatever the machine's language.</summary>
internal static class Numbers
{
    private const NumberStyles Plain = NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent;
    private const decimal Smallest = 1e-28m;

    /// <summary>A whole number: digits with an optional sign.</summary>
    internal static bool TryWhole(string text, out BigInteger value) => BigInteger.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out value);

    /// <summary>A finite real number.</summary>
    internal static bool TryReal(string text, out double value) => double.TryParse(text, Plain, CultureInfo.InvariantCulture, out value) && double.IsFinite(value);

    /// <summary>A decimal number, exactly as it was written; what is too near to 0 for a decimal keeps its sign as the smallest there is.</summary>
    internal static bool TryDecimal(string text, out decimal value)
    {
        if (!decimal.TryParse(text, Plain, CultureInfo.InvariantCulture, out value)) return false;
        if (value == 0 && TryReal(text, out double real)) value = Math.Sign(real) * Smallest;
        return true;
    }

    /// <summary>A number for people.</summary>
    internal static string Show(double value, string format = "0.####") => value.ToString(format, CultureInfo.InvariantCulture);

    /// <summary>A whole number for people, thousands apart.</summary>
    internal static string Show(long value) => value.ToString("#,0", CultureInfo.InvariantCulture);
}
