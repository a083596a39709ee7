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
        { ContainingNamespace: { Name: "Generated", ContainingNamespace: { Name: "KvPolicy", ContainingNamespace.IsGlobalNamespace: true } } } => "in KvPolicy.Generated, where the types of generated code are",
        _ when BasePolicy(type) is { } policy => $"derived from the policy {policy.Name}: each policy stands alone",
        _ when Required(type) is { } member => $"a class whose member {member.Name} is required: settings make instances without it",
        _ when LanguageRules.Older(type) is { } version => $"written in C# {version}: what is generated needs C# {LanguageRules.Needed} (LangVersion)",
        _ when !IsVisible(type) => "neither public nor internal: kernels outside it call its hooks",
        _ when !type.InstanceConstructors.Any(constructor => constructor.Parameters.Length == 0 && IsVisible(constructor)) => "without a constructor that takes no arguments",
        _ => null,
    };

    private static INamedTypeSymbol? BasePolicy(INamedTypeSymbol type)
        => Bases(type).FirstOrDefault(known => AttributeReader.Find(known, WellKnownNames.KvPolicyAttribute) is not null);

    private static ISymbol? Required(INamedTypeSymbol type)
        => Bases(type).Prepend(type).SelectMany(known => known.GetMembers()).FirstOrDefault(member => member is IPropertySymbol { IsRequired: true } or IFieldSymbol { IsRequired: true });

    /// <summary>The classes that a class derives from, nearest first.</summary>
    public static IEnumerable<INamedTypeSymbol> Bases(INamedTypeSymbol type)
    {
        for (INamedTypeSymbol? known = type.BaseType; known is not null; known = known.BaseType) yield return known;
    }

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
