using KvPolicy.Generators.Diagnostics;
using KvPolicy.Generators.Helpers;
using KvPolicy.Generators.Model;
using Microsoft.CodeAnalysis;

namespace KvPolicy.Generators.Parsing;

/// <summary>Reads a class marked [PolicyCatalog].</summary>
internal static class CatalogParser
{
    // What is generated into it.
    private const string Member = "All";

    public static CatalogResult Parse(INamedTypeSymbol type, CancellationToken token)
    {
        string? why = type switch
        {
            { IsStatic: false } => "not static",
            { TypeParameters.Length: > 0 } => "generic",
            { ContainingType: not null } => "nested",
            { IsFileLocal: true } => "file-local",
            { Name: Member } => $"named like its member {Member}",
            _ when NameRules.Own(type, Member) => $"declaring its member {Member} itself",
            _ when LanguageRules.Older(type) is { } version => $"written in C# {version}, and generated code needs C# {LanguageRules.Needed} (LangVersion)",
            _ when !TypeRules.IsPartial(type, token) => "not partial",
            _ => null,
        };
        return why is null
            ? new CatalogResult(PolicyParser.TypeOf(type), default)
            : new CatalogResult(null, EquatableArray.Of(Fault.Of(DiagnosticIds.InvalidCatalog, new Subject.Class(), type.Name, why)));
    }
}
