using KvPolicy.Generators.Diagnostics;
using KvPolicy.Generators.Model;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace KvPolicy.Generators.Parsing;

/// <summary>What a class must be so that a policy can be generated into it, and its hooks be called from kernels elsewhere.</summary>
internal static class TypeRules
{
    public static IEnumerable<Fault> Check(INamedTypeSymbol type, CancellationToken token)
    {
        if (!IsPartial(type, token)) yield return Fault.Of(DiagnosticIds.NotPartial, new Subject.Class(), type.Name, type.Name);
        if (Refusal(type) is { } why) yield return Fault.Of(DiagnosticIds.UnsupportedType, new Subject.Class(), type.Name, why);
        for (INamedTypeSymbol? outer = type.ContainingType; outer is not null; outer = outer.ContainingType)
        {
            if (!IsPartial(outer, token)) yield return Fault.Of(DiagnosticIds.NotPartial, new Subject.Class(), type.Name, outer.Name);
            if (OuterRefusal(outer) is { } reason) yield return Fault.Of(DiagnosticIds.UnsupportedType, new Subject.Class(), type.Name, reason);
        }
    }

    public static bool IsPartial(INamedTypeSymbol type, CancellationToken token)
        => type.DeclaringSyntaxReferences.All(reference => reference.GetSyntax(token) is TypeDeclarationSyntax declaration && declaration.Modifiers.Any(SyntaxKind.PartialKeyword));

    private static string? Refusal(INamedTypeSymbol type) => type switch
    {
        { TypeKind: not TypeKind.Class } => "not a class",
        { IsStatic: true } => "static: instances carry its numbers",
        { IsAbstract: true } => "abstract: an instance of it must exist",
        { IsRecord: true } => "a record: its equality would run through generated members",
        { TypeParameters.Length: > 0 } => "generic: kernels are compiled for one policy",
        { IsFileLocal: true } => "file-local: kernels in another file call its hooks",
        _ when !IsVisible(type) => "neither public nor internal: kernels outside it call its hooks",
        _ when !type.InstanceConstructors.Any(constructor => constructor.Parameters.Length == 0 && IsVisible(constructor)) => "without a constructor that takes no arguments",
        _ => null,
    };

    private static string? OuterRefusal(INamedTypeSymbol outer) => outer switch
    {
        { TypeParameters.Length: > 0 } => $"nested in the generic type {outer.Name}",
        { IsFileLocal: true } => $"nested in the file-local type {outer.Name}",
        _ when !IsVisible(outer) => $"nested in {outer.Name}, which is neither public nor internal",
        _ => null,
    };

    private static bool IsVisible(ISymbol symbol)
        => symbol.DeclaredAccessibility is Accessibility.Public or Accessibility.Internal or Accessibility.ProtectedOrInternal;
}
