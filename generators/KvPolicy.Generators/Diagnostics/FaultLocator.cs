using KvPolicy.Generators.Model;
using KvPolicy.Generators.Parsing;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace KvPolicy.Generators.Diagnostics;

/// <summary>Finds in the source what a fault is about.</summary>
internal static class FaultLocator
{
    /// <param name="type">The class.</param>
    /// <param name="subject">What the fault is about.</param>
    /// <param name="marker">Attribute that made the class what it is: it stands on the author's part of the class.</param>
    /// <param name="token">Cancellation.</param>
    public static Location Locate(INamedTypeSymbol type, Subject subject, string marker, CancellationToken token)
    {
        Location? found = subject switch
        {
            Subject.Attribute attribute => Attribute(type, attribute.MetadataName, token)?.GetLocation(),
            Subject.Member member => type.GetMembers(member.Name).FirstOrDefault()?.Locations.FirstOrDefault(),
            Subject.Parameter parameter => type.GetMembers(parameter.Hook).OfType<IMethodSymbol>().SelectMany(method => method.Parameters)
                .FirstOrDefault(known => known.Name == parameter.Name)?.Locations.FirstOrDefault(),
            _ => null,
        };
        return found ?? Class(type, marker, token);
    }

    private static Location Class(INamedTypeSymbol type, string marker, CancellationToken token)
        => Attribute(type, marker, token)?.FirstAncestorOrSelf<TypeDeclarationSyntax>()?.Identifier.GetLocation() ?? type.Locations.FirstOrDefault() ?? Location.None;

    private static SyntaxNode? Attribute(INamedTypeSymbol type, string metadataName, CancellationToken token)
        => AttributeReader.Syntax(type, metadataName)?.GetSyntax(token);
}
