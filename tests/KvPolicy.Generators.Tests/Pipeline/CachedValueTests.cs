using System.Collections;
using System.Reflection;
using KvPolicy.Generators.Tests.Support;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Text;

namespace KvPolicy.Generators.Tests.Pipeline;

/// <summary>Values of the pipeline hold nothing that keeps a compilation alive, and are equal when they say the same.</summary>
public class CachedValueTests
{
    private static readonly string[] Steps = [StepNames.Model, StepNames.Plan, StepNames.Catalog];

    [Fact]
    public void No_value_holds_symbols_syntax_or_locations()
    {
        int seen = 0;
        foreach (object value in Values(Sources()))
        {
            seen++;
            Walk(value, value.GetType().Name, new HashSet<object>(ReferenceEqualityComparer.Instance));
        }

        Assert.True(seen >= (2 * ShippedPolicies.Names.Count()) + 1, $"{seen} values");
    }

    [Fact]
    public void Values_of_two_compilations_of_the_same_source_are_equal()
    {
        object[] one = [.. Values(Sources())], other = [.. Values(Sources())];
        Assert.Equal(one.Length, other.Length);
        for (int i = 0; i < one.Length; i++)
        {
            Assert.NotSame(one[i], other[i]);
            Assert.Equal(one[i], other[i]);
            Assert.Equal(one[i].GetHashCode(), other[i].GetHashCode());
        }
    }

    private static string[] Sources() => [.. ShippedPolicies.Names.Append("Catalog").Select(ShippedPolicies.Source)];

    private static IEnumerable<object> Values(string[] sources)
    {
        GeneratorRunResult result = Harness.Driver().RunGenerators(Harness.Compile(sources)).GetRunResult().Results.Single();
        return Steps.SelectMany(step => result.TrackedSteps[step]).SelectMany(step => step.Outputs).Select(output => output.Value);
    }

    private static void Walk(object? value, string path, HashSet<object> seen)
    {
        if (value is null || !seen.Add(value)) return;
        Type type = value.GetType();
        Assert.False(value is ISymbol or SyntaxNode or SyntaxTree or Compilation or SemanticModel or Location or SourceText or AttributeData or Delegate, $"{path} is a {type}");
        if (type.IsPrimitive || type.IsEnum || value is string or decimal) return;
        if (value is IEnumerable items)
        {
            int i = 0;
            foreach (object? item in items) Walk(item, $"{path}[{i++}]", seen);
        }

        for (Type? level = type; level is not null && level != typeof(object); level = level.BaseType)
        {
            foreach (FieldInfo field in level.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly))
                Walk(field.GetValue(value), $"{path}.{field.Name}", seen);
        }
    }
}
