using System.Globalization;

namespace KvPolicy.Benchmarks.Peers;

/// <summary>Measurements of one side.</summary>
internal sealed class Samples
{
    private readonly List<double> _values = [];

    /// <summary>Adds one.</summary>
    internal void Add(double value) => _values.Add(value);

    /// <summary>The middle one.</summary>
    internal double Median
    {
        get
        {
            double[] sorted = [.. _values.Order()];
            int half = sorted.Length / 2;
            return sorted.Length % 2 == 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
        }
    }

    /// <summary>Median, least and greatest.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Median,8:0.00} ({_values.Min():0.00} to {_values.Max():0.00})");
}
