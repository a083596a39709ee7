using System.Reflection;
using KvPolicy.Generators.Diagnostics;
using KvPolicy.Generators.Helpers;
using KvPolicy.Generators.Model;
using Microsoft.CodeAnalysis;

namespace KvPolicy.Generators.Parsing;

/// <summary>Reads the hooks of a policy: static methods by name, whose parameters say what they read.</summary>
internal static class HookParser
{
    /// <summary>Names of hooks.</summary>
    public static readonly string[] Names = ["Score", "ScorePrefill", "ScoreDecode"];

    public static EquatableArray<HookModel> Parse(INamedTypeSymbol type, List<Fault> faults, CancellationToken token)
    {
        var hooks = new List<HookModel>();
        foreach (string name in Names)
        {
            ISymbol[] members = [.. type.GetMembers(name).Where(member => !member.IsImplicitlyDeclared)];
            if (members.Length == 0) continue;
            if (Refusal(members) is { } why) faults.Add(Fault.Of(DiagnosticIds.InvalidHook, new Subject.Member(name), name, why));
            else hooks.Add(Read((IMethodSymbol)members[0], faults, token));
        }

        return hooks.ToEquatable();
    }

    private static string? Refusal(ISymbol[] members) => members[0] switch
    {
        not IMethodSymbol => "not a method",
        _ when members.Length > 1 => "overloaded",
        { IsStatic: false } => "not static",
        IMethodSymbol { IsGenericMethod: true } => "generic",
        IMethodSymbol { ReturnsVoid: true } => "void",
        IMethodSymbol { ReturnsByRef: true } or IMethodSymbol { ReturnsByRefReadonly: true } => "returning by reference",
        IMethodSymbol { IsExtern: true } => "extern",
        IMethodSymbol method when (method.MethodImplementationFlags & MethodImplAttributes.NoInlining) != 0 => "marked NoInlining, which leaves a call in the kernel",
        IMethodSymbol method when AttributeReader.Find(method, WellKnownNames.ObsoleteAttribute) is not null => "obsolete, although generated code calls it",
        IMethodSymbol method when method.ReturnType.SpecialType != SpecialType.System_Single => $"returning {method.ReturnType.ToDisplayString()}",
        { DeclaredAccessibility: not (Accessibility.Public or Accessibility.Internal or Accessibility.ProtectedOrInternal) } => "neither public nor internal",
        _ => null,
    };

    private static HookModel Read(IMethodSymbol method, List<Fault> faults, CancellationToken token)
    {
        Dictionary<string, string> texts = DocumentationReader.Parameters(method, token);
        var parameters = new List<HookParameter>();
        foreach (IParameterSymbol parameter in method.Parameters)
        {
            HookParameter? read = parameter.HasExplicitDefaultValue
                ? Hyper(method, parameter, texts.TryGetValue(parameter.Name, out string text) ? text : "", faults)
                : Signal(method, parameter, faults);
            if (read is not null) parameters.Add(read);
        }

        return new HookModel(method.Name, parameters.ToEquatable());
    }

    private static SignalParameter? Signal(IMethodSymbol method, IParameterSymbol parameter, List<Fault> faults)
    {
        var subject = new Subject.Parameter(method.Name, parameter.Name);
        if (!Signals.TryFind(parameter.Name, out Signal signal, out bool isInteger))
        {
            faults.Add(Fault.Of(DiagnosticIds.UnknownSignal, subject, parameter.Name, method.Name, Signals.Names));
            return null;
        }

        bool fits = parameter.RefKind == RefKind.None && (parameter.Type.SpecialType == SpecialType.System_Single || (isInteger && parameter.Type.SpecialType == SpecialType.System_Int32));
        if (!fits) faults.Add(Fault.Of(DiagnosticIds.InvalidParameter, subject, parameter.Name, method.Name, $"the signal is {(isInteger ? "int or float" : "float")}, passed by value"));
        ObserveAxis? observe = AxisParser.Observe(parameter);
        if (observe is not null && signal != Model.Signal.Attention)
            faults.Add(Fault.Of(DiagnosticIds.MisplacedObserve, subject, parameter.Name, method.Name));
        else if (observe is not null && AxisRanges.Observe(observe, subject) is { } range) faults.Add(range);
        DrawAxis? draw = AxisParser.Draw(parameter);
        if (draw is not null && signal != Model.Signal.Random)
            faults.Add(Fault.Of(DiagnosticIds.MisplacedDraw, subject, parameter.Name, method.Name));
        else if (draw is not null && AxisRanges.Draw(draw, subject) is { } words) faults.Add(words);
        return new SignalParameter(parameter.Name, signal, observe, draw);
    }

    private static HyperParameter? Hyper(IMethodSymbol method, IParameterSymbol parameter, string summary, List<Fault> faults)
    {
        var subject = new Subject.Parameter(method.Name, parameter.Name);
        if (AxisParser.Observe(parameter) is not null) faults.Add(Fault.Of(DiagnosticIds.MisplacedObserve, subject, parameter.Name, method.Name));
        if (AxisParser.Draw(parameter) is not null) faults.Add(Fault.Of(DiagnosticIds.MisplacedDraw, subject, parameter.Name, method.Name));
        bool isInteger = parameter.Type.SpecialType == SpecialType.System_Int32;
        double minimum = isInteger ? int.MinValue : float.MinValue, maximum = isInteger ? int.MaxValue : float.MaxValue;
        string? why = Value(parameter, isInteger, out double value) ?? Range(parameter, ref minimum, ref maximum);
        if (why is null && !IsWithin(value, minimum, maximum, isInteger))
            why = $"its default {(isInteger ? Literal.Text(value) : Literal.Text((float)value))} lies outside {Literal.Text(minimum)} to {Literal.Text(maximum)}";
        if (why is null) return new HyperParameter(parameter.Name, isInteger, value, minimum, maximum, summary);
        faults.Add(Fault.Of(DiagnosticIds.InvalidParameter, subject, parameter.Name, method.Name, why));
        return null;
    }

    // A float is compared with the float that an end of the range is: 0.3f is not 0.3, but [Range(0, 0.3)] means it.
    private static bool IsWithin(double value, double minimum, double maximum, bool isInteger)
        => isInteger ? value >= minimum && value <= maximum : (float)value >= (float)minimum && (float)value <= (float)maximum;

    private static string? Value(IParameterSymbol parameter, bool isInteger, out double value)
    {
        value = parameter.ExplicitDefaultValue switch { int whole => whole, float real => real, _ => double.NaN };
        if (parameter.RefKind != RefKind.None || !(isInteger || parameter.Type.SpecialType == SpecialType.System_Single))
            return $"a parameter with a default is an int or a float, passed by value, not {parameter.Type.ToDisplayString()}";
        return double.IsNaN(value) || double.IsInfinity(value) ? "its default is not a finite number" : null;
    }

    private static string? Range(IParameterSymbol parameter, ref double minimum, ref double maximum)
    {
        if (AttributeReader.Find(parameter, WellKnownNames.RangeAttribute) is not { } range) return null;
        double from = range.Argument<object?>(0, null) switch { int whole => whole, double real => real, _ => double.NaN };
        double to = range.Argument<object?>(1, null) switch { int whole => whole, double real => real, _ => double.NaN };
        if (!(from <= to)) return "its [Range] takes two numbers, the lower one first";
        if (range.Named<bool>("MinimumIsExclusive") == true || range.Named<bool>("MaximumIsExclusive") == true) return "its [Range] includes its ends; say the least and the greatest value";
        (minimum, maximum) = (Math.Max(minimum, from), Math.Min(maximum, to));
        return null;
    }
}
