using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace KvPolicy.Generators.Parsing;

/// <summary>Which C# generated code is written in.</summary>
internal static class LanguageRules
{
    /// <summary>Version that generated code needs, for messages.</summary>
    public const string Needed = "14";

    /// <summary>The version of the project that a class belongs to, where it is older than that.</summary>
    public static string? Older(INamedTypeSymbol type)
        => type.DeclaringSyntaxReferences.FirstOrDefault()?.SyntaxTree.Options is CSharpParseOptions { LanguageVersion: < LanguageVersion.CSharp14 and var version }
            ? version.ToDisplayString()
            : null;
}
