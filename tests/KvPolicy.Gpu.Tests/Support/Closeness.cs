using System.Globalization;

namespace KvPolicy.Gpu.Tests;

/// <summary>Floats that agree within a share of the largest of them.</summary>
internal static class Closeness
{
    public static void Check(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual, double tolerance, string what)
    {
        Assert.Equal(expected.Length, actual.Length);
        double largest = 0;
        foreach (float value in expected) largest = Math.Max(largest, float.IsFinite(value) ? Math.Abs(value) : 0);
        for (int i = 0; i < expected.Length; i++)
        {
            bool equal = expected[i].Equals(actual[i]) || Math.Abs((double)expected[i] - actual[i]) <= tolerance * largest;
            Assert.True(equal, string.Create(CultureInfo.InvariantCulture, $"{what}: [{i}] is {actual[i]:R}, expected {expected[i]:R} (largest {largest:R})"));
        }
    }
}
