using System.Collections.Immutable;
using KvPolicy.Generators.Model;
using KvPolicy.Generators.Parsing;
using KvPolicy.Generators.Planning;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;

namespace KvPolicy.Generators.Diagnostics;

/// <summary>Says why a class marked [KvPolicy] is refused. It runs the generator's own parser and planner, so the two cannot disagree.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
public sealed class PolicyDeclarationAnalyzer : DiagnosticAnalyzer
{
    /// <inheritdoc/>
    public override ImmutableArray<DiagnosticDescriptor> SupportedDiagnostics { get; } = [.. DiagnosticDescriptors.Declarations.Values];

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
        // There the compiler's own refusal of the attribute is enough.
        if (type.TypeKind is TypeKind.Enum or TypeKind.Delegate || AttributeReader.Find(type, WellKnownNames.KvPolicyAttribute) is null) return;
        ParseResult parsed = PolicyParser.Parse(type, context.CancellationToken);
        IEnumerable<Fault> faults = parsed.Model is null ? parsed.Faults : Planner.Plan(parsed.Model).Faults;
        foreach (Fault fault in faults)
        {
            Location location = FaultLocator.Locate(type, fault.Subject, WellKnownNames.KvPolicyAttribute, context.CancellationToken);
            context.ReportDiagnostic(Diagnostic.Create(DiagnosticDescriptors.Declarations[fault.Id], location, [.. fault.Arguments]));
        }
    }
}
