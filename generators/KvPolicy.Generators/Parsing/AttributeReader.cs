using Microsoft.CodeAnalysis;

namespace KvPolicy.Generators.Parsing;

/// <summary>Arguments of an attribute in source. What is missing or does not bind reads as not given: the compiler reports it itself.</summary>
internal readonly struct AttributeReader(AttributeData data)
{
    public static AttributeReader? Find(ISymbol symbol, string metadataName)
    {
        foreach (AttributeData attribute in symbol.GetAttributes())
        {
            if (attribute.AttributeClass?.ToDisplayString() == metadataName) return new AttributeReader(attribute);
        }

        return null;
    }

    /// <summary>Where the attribute stands, or null.</summary>
    public static SyntaxReference? Syntax(ISymbol symbol, string metadataName)
        => symbol.GetAttributes().FirstOrDefault(attribute => attribute.AttributeClass?.ToDisplayString() == metadataName)?.ApplicationSyntaxReference;

    public T Argument<T>(int index, T otherwise)
        => index < data.ConstructorArguments.Length && data.ConstructorArguments[index] is { Kind: not TypedConstantKind.Array, Value: T value } ? value : otherwise;

    /// <summary>Number of arguments of the constructor.</summary>
    public int Arguments => data.ConstructorArguments.Length;

    public T? Named<T>(string name) where T : struct
    {
        foreach (KeyValuePair<string, TypedConstant> argument in data.NamedArguments)
        {
            if (argument.Key == name && argument.Value is { Kind: not TypedConstantKind.Array, Value: T value }) return value;
        }

        return null;
    }
}
