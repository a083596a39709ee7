using KvPolicy.Generators.Diagnostics;
using KvPolicy.Generators.Helpers;
using KvPolicy.Generators.Model;
using Microsoft.CodeAnalysis;

namespace KvPolicy.Generators.Parsing;

/// <summary>Reads a class marked [KvPolicy] into a <see cref="PolicyModel"/>, or says what is wrong with it. The only stage that sees symbols.</summary>
internal static class PolicyParser
{
    public static ParseResult Parse(INamedTypeSymbol type, CancellationToken token)
    {
        var faults = new List<Fault>();
        faults.AddRange(TypeRules.Check(type, token));
        AxesModel axes = AxisParser.Parse(type);
        faults.AddRange(AxisRanges.Check(axes));
        token.ThrowIfCancellationRequested();
        EquatableArray<HookModel> hooks = HookParser.Parse(type, faults, token);
        token.ThrowIfCancellationRequested();
        var model = new PolicyModel(TypeOf(type), DocumentationReader.Read(type, token), axes, hooks);
        if (faults.Count == 0) faults.AddRange(NameRules.Check(type, model));
        return new ParseResult(faults.Count == 0 ? model : null, faults.ToEquatable());
    }

    public static TypeModel TypeOf(INamedTypeSymbol type)
    {
        var containing = new Stack<ContainingType>();
        for (INamedTypeSymbol? outer = type.ContainingType; outer is not null; outer = outer.ContainingType)
            containing.Push(new ContainingType(Keyword(outer), outer.Name));
        string space = type.ContainingNamespace is { IsGlobalNamespace: false } named ? named.ToDisplayString(NamespaceFormat) : "";
        return new TypeModel(space, containing.ToEquatable(), type.Name);
    }

    private static readonly SymbolDisplayFormat NamespaceFormat = SymbolDisplayFormat.FullyQualifiedFormat.WithGlobalNamespaceStyle(SymbolDisplayGlobalNamespaceStyle.Omitted);

    private static string Keyword(INamedTypeSymbol type) => type switch
    {
        { IsRecord: true, TypeKind: TypeKind.Struct } => "record struct",
        { IsRecord: true } => "record",
        { TypeKind: TypeKind.Struct } => "struct",
        { TypeKind: TypeKind.Interface } => "interface",
        _ => "class",
    };
}
