using System.Collections.Concurrent;
using System.Collections.Immutable;
using KvPolicy.Generators.Parsing;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;

namespace KvPolicy.Generators.Diagnostics;

/// <summary>Says what in a hook no kernel can do. Own static methods that a hook calls count as part of it.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
public sealed class KernelSafetyAnalyzer : DiagnosticAnalyzer
{
    /// <inheritdoc/>
    public override ImmutableArray<DiagnosticDescriptor> SupportedDiagnostics { get; } =
    [
        DiagnosticDescriptors.HookThrows, DiagnosticDescriptors.HookTries, DiagnosticDescriptors.HookAllocates, DiagnosticDescriptors.HookReadsStatic,
        DiagnosticDescriptors.HookCallsVirtual, DiagnosticDescriptors.HookUsesType, DiagnosticDescriptors.HookCallsUnknown, DiagnosticDescriptors.HookUsesDouble,
    ];

    /// <inheritdoc/>
    public override void Initialize(AnalysisContext context)
    {
        context.ConfigureGeneratedCodeAnalysis(GeneratedCodeAnalysisFlags.None);
        context.EnableConcurrentExecution();
        context.RegisterSymbolStartAction(static start => Begin(start), SymbolKind.NamedType);
    }

    private static void Begin(SymbolStartAnalysisContext context)
    {
        var type = (INamedTypeSymbol)context.Symbol;
        if (AttributeReader.Find(type, WellKnownNames.KvPolicyAttribute) is null) return;
        var bodies = new ConcurrentDictionary<IMethodSymbol, MethodBody>(SymbolEqualityComparer.Default);
        context.RegisterOperationBlockAction(block =>
        {
            if (block.OwningSymbol is IMethodSymbol { IsStatic: true } method) bodies[method] = MethodBody.Read(method, block.OperationBlocks);
        });
        context.RegisterSymbolEndAction(end =>
        {
            foreach (IMethodSymbol method in Reached(type, bodies))
            {
                foreach (Diagnostic diagnostic in bodies[method].Findings) end.ReportDiagnostic(diagnostic);
            }
        });
    }

    // The hooks, and the methods of the class that they call, directly or not.
    private static HashSet<IMethodSymbol> Reached(INamedTypeSymbol type, ConcurrentDictionary<IMethodSymbol, MethodBody> bodies)
    {
        var reached = new HashSet<IMethodSymbol>(SymbolEqualityComparer.Default);
        var next = new Stack<IMethodSymbol>(bodies.Keys.Where(method => HookParser.Names.Contains(method.Name) && SymbolEqualityComparer.Default.Equals(method.ContainingType, type)));
        while (next.Count > 0)
        {
            IMethodSymbol method = next.Pop();
            if (!bodies.TryGetValue(method, out MethodBody? body) || !reached.Add(method)) continue;
            foreach (IMethodSymbol callee in body.Callees) next.Push(callee);
        }

        return reached;
    }
}
