using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace KvPolicy.Generators.Diagnostics;

/// <summary>What a method does that no kernel can, and which methods in source it calls.</summary>
internal sealed class MethodBody
{
    private readonly string _name;

    private MethodBody(string name) => _name = name;

    /// <summary>What to report if a hook reaches the method.</summary>
    public List<Diagnostic> Findings { get; } = [];

    /// <summary>Methods in source that it calls.</summary>
    public List<IMethodSymbol> Callees { get; } = [];

    public static MethodBody Read(IMethodSymbol method, ImmutableArray<IOperation> blocks)
    {
        var body = new MethodBody(method.Name);
        foreach (IOperation block in blocks)
        {
            // Attributes and default values are operations too, but run in no kernel.
            if (block is IAttributeOperation or IParameterInitializerOperation) continue;
            body.Walk(block);
        }

        return body;
    }

    private void Walk(IOperation operation)
    {
        Look(operation);
        // What is thrown is made only then: the throw says it all.
        if (operation is IThrowOperation) return;
        foreach (IOperation child in operation.ChildOperations) Walk(child);
    }

    private void Look(IOperation operation)
    {
        switch (operation)
        {
            case IThrowOperation:
                Report(DiagnosticDescriptors.HookThrows, operation, "return a number instead");
                break;
            case ISwitchExpressionOperation { IsExhaustive: false }:
                Report(DiagnosticDescriptors.HookThrows, operation, "give the switch expression a last arm '_ =>'");
                break;
            case ITryOperation:
                Report(DiagnosticDescriptors.HookTries, operation, "try");
                break;
            case ILockOperation:
                Report(DiagnosticDescriptors.HookTries, operation, "lock");
                break;
            case IUsingOperation or IUsingDeclarationOperation:
                Report(DiagnosticDescriptors.HookTries, operation, "using");
                break;
            case IFieldReferenceOperation field:
                Field(field);
                break;
            case IPropertyReferenceOperation { Property.IsStatic: true } property:
                StaticProperty(property);
                break;
            case IInvocationOperation call:
                Call(call);
                break;
            default:
                if (IsChecked(operation)) Report(DiagnosticDescriptors.HookThrows, operation, "its arithmetic is checked; put it in unchecked(...)");
                if (Allocation(operation) is { } what) Report(DiagnosticDescriptors.HookAllocates, operation, what);
                else if (TypeFault(operation) is { } type) Report(DiagnosticDescriptors.HookUsesType, operation, type);
                else if (IsDouble(operation)) Report(DiagnosticDescriptors.HookUsesDouble, operation);
                Follow(operation);
                break;
        }
    }

    private void Field(IFieldReferenceOperation operation)
    {
        IFieldSymbol field = operation.Field;
        bool seen = field.HasConstantValue || !field.IsStatic || (field.IsReadOnly && field.Type is { IsValueType: true });
        if (!seen) Report(DiagnosticDescriptors.HookReadsStatic, operation, field.Name);
    }

    private void StaticProperty(IPropertyReferenceOperation operation)
    {
        IPropertySymbol property = operation.Property;
        bool isStored = property.ContainingType.GetMembers().OfType<IFieldSymbol>().Any(field => SymbolEqualityComparer.Default.Equals(field.AssociatedSymbol, property) && !(field.IsReadOnly && field.Type.IsValueType));
        if (isStored) Report(DiagnosticDescriptors.HookReadsStatic, operation, property.Name);
        else if (property.DeclaringSyntaxReferences.Length == 0) Report(DiagnosticDescriptors.HookCallsUnknown, operation, $"{property.ContainingType.Name}.{property.Name}");
        else if (property.GetMethod is { } getter) Callees.Add(getter);
    }

    // Operators, conversions and constructors of structs are calls as well.
    private void Follow(IOperation operation)
    {
        IMethodSymbol? method = operation switch
        {
            IBinaryOperation binary => binary.OperatorMethod,
            IUnaryOperation unary => unary.OperatorMethod,
            IConversionOperation conversion => conversion.OperatorMethod,
            IObjectCreationOperation created => created.Constructor,
            IPropertyReferenceOperation property => property.Property.GetMethod,
            _ => null,
        };
        if (method?.DeclaringSyntaxReferences.Length > 0) Callees.Add(method);
    }

    private void Call(IInvocationOperation operation)
    {
        IMethodSymbol method = operation.TargetMethod;
        string name = $"{method.ContainingType.Name}.{method.Name}";
        if (method.MethodKind == MethodKind.LocalFunction) return;
        if (operation.IsVirtual && operation.Instance?.Type is not { IsValueType: true }) Report(DiagnosticDescriptors.HookCallsVirtual, operation, name);
        else if (name is "Math.Clamp" or "Math.DivRem" or "MathF.Sign" or "Math.Sign") Report(DiagnosticDescriptors.HookThrows, operation, $"{name} checks its arguments; use comparisons, Math.Min and Math.Max");
        else if (method.DeclaringSyntaxReferences.Length > 0) Callees.Add(method);
        else if (!KernelLibrary.Has(method)) Report(DiagnosticDescriptors.HookCallsUnknown, operation, name);
    }

    private static bool IsChecked(IOperation operation) => operation switch
    {
        IBinaryOperation binary => binary.IsChecked && IsWhole(binary.Type),
        IUnaryOperation unary => unary.IsChecked && IsWhole(unary.Type),
        ICompoundAssignmentOperation compound => compound.IsChecked && IsWhole(compound.Type),
        IIncrementOrDecrementOperation step => step.IsChecked && IsWhole(step.Type),
        IConversionOperation conversion => conversion.IsChecked && IsWhole(conversion.Type),
        _ => false,
    };

    private static bool IsWhole(ITypeSymbol? type) => type?.SpecialType is >= SpecialType.System_SByte and <= SpecialType.System_UInt64;

    private static string? Allocation(IOperation operation) => operation switch
    {
        IObjectCreationOperation { Type.IsReferenceType: true } created => $"new {created.Type!.Name}",
        IArrayCreationOperation => "an array",
        ICollectionExpressionOperation => "a collection expression",
        IAnonymousObjectCreationOperation => "an anonymous object",
        IDelegateCreationOperation => "a delegate",
        IInterpolatedStringOperation => "a string",
        ILiteralOperation { Type.SpecialType: SpecialType.System_String } => "a string",
        IConversionOperation { Type.IsReferenceType: true, Operand.Type.IsValueType: true } => "boxing",
        _ => null,
    };

    private static string? TypeFault(IOperation operation)
    {
        ITypeSymbol? type = operation switch
        {
            IVariableDeclaratorOperation declarator => declarator.Symbol.Type,
            IBinaryOperation or IConversionOperation or ILiteralOperation => operation.Type,
            _ => null,
        };
        return type switch
        {
            { SpecialType: SpecialType.System_Decimal } => "decimal",
            { SpecialType: SpecialType.None, Name: "Half", ContainingNamespace.Name: "System" } => "System.Half",
            { TypeKind: TypeKind.Dynamic } => "dynamic",
            { SpecialType: SpecialType.None, Name: "Int128" or "UInt128" or "BigInteger" } => type.Name,
            { IsReferenceType: true } when operation is IVariableDeclaratorOperation => $"the class {type.Name}",
            _ => null,
        };
    }

    // A literal alone is said once, where it stands; an expression of such literals is not said again.
    private static bool IsDouble(IOperation operation)
        => operation is IBinaryOperation { Type.SpecialType: SpecialType.System_Double, Parent: not IBinaryOperation { Type.SpecialType: SpecialType.System_Double } };

    private void Report(DiagnosticDescriptor descriptor, IOperation operation, params string[] details)
        => Findings.Add(Diagnostic.Create(descriptor, operation.Syntax.GetLocation(), [_name, .. details]));
}
