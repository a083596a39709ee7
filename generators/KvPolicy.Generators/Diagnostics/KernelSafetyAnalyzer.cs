using System.Collections.Immutable;
using KvPolicy.Generators.Parsing;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Bodies = System.Collections.Concurrent.ConcurrentDictionary<Microsoft.CodeAnalysis.IMethodSymbol, KvPolicy.Generators.Diagnostics.MethodBody>;

namespace KvPolicy.Generators.Diagnostics;

/// <summary>Says what in a hook no kernel can do. Methods of the class that a hook calls, of its nested types too, count as part of it.</summary>
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
        context.RegisterCompilationStartAction(static compilation =>
        {
            var bodies = new Bodies(SymbolEqualityComparer.Default);
            compilation.RegisterSymbolStartAction(start => Begin(start, bodies), SymbolKind.NamedType);
        });
    }

    private static void Begin(SymbolStartAnalysisContext context, Bodies bodies)
    {
        var type = (INamedTypeSymbol)context.Symbol;
        if (!IsInPolicy(type)) return;
        context.RegisterOperationBlockAction(block =>
        {
            if (block.OwningSymbol is IMethodSymbol method) bodies[method] = MethodBody.Read(method, block.OperationBlocks);
        });
        // A type ends after the types within it.
        if (IsPolicy(type)) context.RegisterSymbolEndAction(end => Report(end, type, bodies));
    }

    private static void Report(SymbolAnalysisContext context, INamedTypeSymbol type, Bodies bodies)
    {
        // A hook that is not even one is refused as such.
        IEnumerable<IMethodSymbol> hooks = bodies.Keys.Where(method =>
            HookParser.Names.Contains(method.Name) && method.ReturnType.SpecialType == SpecialType.System_Single && SymbolEqualityComparer.Default.Equals(method.ContainingType, type));
        foreach (IMethodSymbol method in Reached(hooks, bodies))
        {
            MethodBody body = bodies[method];
            foreach (Diagnostic diagnostic in body.Findings) context.ReportDiagnostic(diagnostic);
            foreach ((IMethodSymbol callee, Location place) in body.Callees)
            {
                if (Reached([callee], bodies).Contains(method)) context.ReportDiagnostic(body.Recursion(callee, place));
            }
        }
    }

    private static bool IsPolicy(INamedTypeSymbol type) => AttributeReader.Find(type, WellKnownNames.KvPolicyAttribute) is not null;

    private static bool IsInPolicy(INamedTypeSymbol? type) => type is not null && (IsPolicy(type) || IsInPolicy(type.ContainingType));

    // Some methods, and those of the class that they call, directly or not.
    private static HashSet<IMethodSymbol> Reached(IEnumerable<IMethodSymbol> from, Bodies bodies)
    {
        var reached = new HashSet<IMethodSymbol>(SymbolEqualityComparer.Default);
        var next = new Stack<IMethodSymbol>(from);
        while (next.Count > 0)
        {
            IMethodSymbol method = next.Pop();
            if (!bodies.TryGetValue(method, out MethodBody? body) || !reached.Add(method)) continue;
            foreach ((IMethodSymbol callee, _) in body.Callees) next.Push(callee);
        }

        return reached;
    }
}
