using System.Collections.Immutable;
using KvPolicy.Generators.Model;
using KvPolicy.Generators.Parsing;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;

namespace KvPolicy.Generators.Diagnostics;

/// <summary>Says why a class marked [PolicyCatalog] is refused.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
public sealed class CatalogAnalyzer : DiagnosticAnalyzer
{
    /// <inheritdoc/>
    public override ImmutableArray<DiagnosticDescriptor> SupportedDiagnostics { get; } = [DiagnosticDescriptors.InvalidCatalog];

    /// <inheritdoc/>
    public override void Initialize(AnalysisContext context)
    {
        context.ConfigureGeneratedCodeAnalysis(GeneratedCodeAnalysisFlags.None);
        context.EnableConcurrentExecution();
        context.RegisterSymbolAction(static symbol => Analyze(symbol), SymbolKind.NamedType);
    }

    private static void Analyze(SymbolAnalysisContext context)
    {
        var type = (INamedTypeSymbol)context.Symbol;
        if (type.TypeKind != TypeKind.Class || AttributeReader.Find(type, WellKnownNames.PolicyCatalogAttribute) is null) return;
        foreach (Fault fault in CatalogParser.Parse(type, context.CancellationToken).Faults)
        {
            Location location = FaultLocator.Locate(type, fault.Subject, WellKnownNames.PolicyCatalogAttribute, context.CancellationToken);
            context.ReportDiagnostic(Diagnostic.Create(DiagnosticDescriptors.InvalidCatalog, location, [.. fault.Arguments]));
        }
    }
}
