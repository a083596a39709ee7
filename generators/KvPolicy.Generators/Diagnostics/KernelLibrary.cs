using Microsoft.CodeAnalysis;

namespace KvPolicy.Generators.Diagnostics;

/// <summary>Library methods that kernels have.</summary>
internal static class KernelLibrary
{
    // Left out on purpose: FusedMultiplyAdd and ReciprocalEstimate have no usable body there, Acos, Asin, Atan, Atan2, Log2 and Tan become
    // calls, Pow computes in double, Lerp has other last bits.
    private static readonly HashSet<string> SingleMath =
        ["Abs", "Ceiling", "Cos", "Cosh", "Exp", "Floor", "Log", "Log10", "Max", "Min", "Round", "Sin", "Sinh", "Sqrt", "Tanh", "Truncate"];

    private static readonly HashSet<string> Comparisons = ["Abs", "Max", "Min"];

    private static readonly HashSet<string> Tests = ["IsNaN", "IsInfinity", "IsFinite", "IsPositiveInfinity", "IsNegativeInfinity"];

    public static bool Has(IMethodSymbol method) => method.ContainingType.ToDisplayString() switch
    {
        "System.MathF" or "ILGPU.Algorithms.XMath" => SingleMath.Contains(method.Name),
        "System.Math" => Comparisons.Contains(method.Name),
        "float" => Comparisons.Contains(method.Name) || Tests.Contains(method.Name) || (method.Name is "Sqrt" or "Exp" or "Log"),
        "int" => Comparisons.Contains(method.Name),
        _ => false,
    };
}
