using KvPolicy.Generators.Diagnostics;
using KvPolicy.Generators.Helpers;
using KvPolicy.Generators.Model;
using Microsoft.CodeAnalysis;

namespace KvPolicy.Generators.Parsing;

/// <summary>Names that generated members need for themselves, and that hyper-parameters may not take from axes, signals or each other.</summary>
internal static class NameRules
{
    // The numbers of axes, today's and those that the design names for later: a policy that takes one now would break then.
    private static readonly string[] AxisNames =
    [
        "window", "rows", "pool", "pooling", "sinks", "recent", "chunk", "packing", "outside", "scope", "newest", "seed", "segment", "every", "floor",
        "keep", "decodeKeep", "unit", "reduce", "base", "observedRows",
    ];

    private static readonly string[] GeneratedMembers = ["Info", "Facts", "Plan", "PlanText", "HostText", "GpuText", "Create", "Bind", "GpuKernels", "LoadGpu", "Keep", "KeepGiven", "DecodeKeep", "DecodeKeepGiven"];

    public static IEnumerable<Fault> Check(INamedTypeSymbol type, PolicyModel model)
    {
        // Only what the author wrote: a generator does not see its own output, but an analyzer does.
        foreach (string name in GeneratedMembers.Union(AxisNames.Select(Literal.Property)))
        {
            if (Own(type, name)) yield return Fault.Of(DiagnosticIds.NameClash, new Subject.Member(name), name, "a member that is generated");
            else if (name == type.Name) yield return Fault.Of(DiagnosticIds.NameClash, new Subject.Class(), name, "a member that is generated");
            else if (Inherits(type, name) is { } owner) yield return Fault.Of(DiagnosticIds.NameClash, new Subject.Class(), $"{owner.Name}.{name}", "a member that is generated");
        }

        var seen = new Dictionary<string, HyperParameter>();
        foreach (HookModel hook in model.Hooks)
        {
            foreach (HyperParameter parameter in hook.HyperParameters)
            {
                var subject = new Subject.Parameter(hook.Name, parameter.Name);
                if (Clash(type, parameter.Name) is { } with) yield return Fault.Of(DiagnosticIds.NameClash, subject, parameter.Name, with);
                else if (!seen.TryGetValue(Literal.Property(parameter.Name), out HyperParameter? other)) seen[Literal.Property(parameter.Name)] = parameter;
                else if (parameter.Name != other.Name) yield return Fault.Of(DiagnosticIds.NameClash, subject, parameter.Name, $"the parameter {other.Name}");
                else if (!Agree(parameter, other))
                    yield return Fault.Of(DiagnosticIds.ConflictingDefaults, subject, parameter.Name, Shown(parameter), Shown(other));
            }
        }
    }

    private static bool Agree(HyperParameter one, HyperParameter other) => one with { Summary = "" } == other with { Summary = "" };

    private static string Shown(HyperParameter parameter)
        => $"{(parameter.IsInteger ? "int" : "float")} {Literal.Text(parameter.Default)} ({Literal.Text(parameter.Minimum)} to {Literal.Text(parameter.Maximum)})";

    private static string? Clash(INamedTypeSymbol type, string name)
    {
        string property = Literal.Property(name);
        if (AxisNames.Contains(name, StringComparer.OrdinalIgnoreCase)) return "a number of an axis";
        if (Signals.TryFind(name, out _, out _)) return "a signal";
        if (GeneratedMembers.Contains(property)) return "a member that is generated";
        if (property == type.Name) return "the class";
        if (Own(type, property)) return "a member of the class";
        return HookParser.Names.Contains(property) ? "a hook" : Inherits(type, property) is { } owner ? $"a member of {owner.Name}" : null;
    }

    /// <summary>Whether the author's own parts of a class declare a member.</summary>
    public static bool Own(INamedTypeSymbol type, string name)
        => type.GetMembers(name).Any(member => !member.IsImplicitlyDeclared && !IsGenerated(member));

    private static INamedTypeSymbol? Inherits(INamedTypeSymbol type, string name)
        => TypeRules.Bases(type).FirstOrDefault(known => known.GetMembers(name).Any(member => member.DeclaredAccessibility != Accessibility.Private));

    private static bool IsGenerated(ISymbol member)
        => member.GetAttributes().Any(attribute => attribute.AttributeClass?.ToDisplayString() == "System.CodeDom.Compiler.GeneratedCodeAttribute");
}
