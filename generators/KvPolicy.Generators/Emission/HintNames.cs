using KvPolicy.Generators.Helpers;
using Microsoft.CodeAnalysis;

namespace KvPolicy.Generators.Emission;

/// <summary>Names of generated files. The compiler compares them without case, C# its types with it: <c>SnapKv</c> beside <c>Snapkv</c> needs a number.</summary>
internal static class HintNames
{
    /// <summary>Those of all names that differ from another in case alone, in ordinal order; mostly none.</summary>
    public static IncrementalValueProvider<EquatableArray<string>> Twins(IncrementalValuesProvider<string> names)
        => names.Collect().Select(static (all, _) => all
            .GroupBy(name => name, StringComparer.OrdinalIgnoreCase)
            .Where(group => group.Count() > 1)
            .SelectMany(group => group)
            .OrderBy(name => name, StringComparer.Ordinal)
            .ToEquatable());

    /// <summary>The name of a type's files.</summary>
    public static string Of(string name, EquatableArray<string> twins)
    {
        int place = twins.ToList().IndexOf(name);
        return place < 0 ? name : $"{name}-{Literal.Text(place + 1)}";
    }
}
