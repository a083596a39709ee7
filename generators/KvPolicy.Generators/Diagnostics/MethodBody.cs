using System.Collections.Immutable;
using System.Reflection;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Operations;

namespace KvPolicy.Generators.Diagnostics;

/// <summary>What a method does that no kernel can, and which methods in source it calls.</summary>
internal sealed class MethodBody
{
    private readonly string _name;

    private MethodBody(string name) => _name = name;

    /// <summary>What to report if a hook reaches the method.</summary>
    public List<Diagnostic> Findings { get; } = [];

    /// <summary>Methods in source that it calls, and where.</summary>
    public List<(IMethodSymbol Method, Location Place)> Callees { get; } = [];

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
                if (IsDouble(call)) Report(DiagnosticDescriptors.HookUsesDouble, operation);
                break;
            case ILocalFunctionOperation local:
                if (Captured(local) is { } captured) Report(DiagnosticDescriptors.HookAllocates, operation, $"a closure, since local function {local.Symbol.Name} reads {captured} from around it");
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
        else if (property.GetMethod is { } getter) Add(getter, operation);
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
        if (method?.DeclaringSyntaxReferences.Length > 0) Add(method, operation);
    }

    private void Add(IMethodSymbol method, IOperation operation)
    {
        if ((method.MethodImplementationFlags & MethodImplAttributes.NoInlining) != 0) Report(DiagnosticDescriptors.HookCallsUnknown, operation, NameOf(method));
        Callees.Add((method, operation.Syntax.GetLocation()));
    }

    private void Call(IInvocationOperation operation)
    {
        IMethodSymbol method = operation.TargetMethod;
        string name = NameOf(method);
        if (method.MethodKind == MethodKind.LocalFunction) return;
        if (operation.IsVirtual && operation.Instance?.Type is not { IsValueType: true }) Report(DiagnosticDescriptors.HookCallsVirtual, operation, name);
        else if (name is "Math.Clamp" or "Math.DivRem" or "MathF.Sign" or "Math.Sign") Report(DiagnosticDescriptors.HookThrows, operation, $"{name} checks its arguments; use comparisons, Math.Min and Math.Max");
        else if (method.DeclaringSyntaxReferences.Length > 0) Add(method, operation);
        else if (!KernelLibrary.Has(method)) Report(DiagnosticDescriptors.HookCallsUnknown, operation, name);
    }

    private static bool IsChecked(IOperation operation) => operation switch
    {
        IBinaryOperation binary => binary.IsChecked && Overflows(binary.OperatorKind) && IsWhole(binary.Type),
        IUnaryOperation unary => unary.IsChecked && IsWhole(unary.Type),
        ICompoundAssignmentOperation compound => compound.IsChecked && Overflows(compound.OperatorKind) && IsWhole(compound.Type),
        IIncrementOrDecrementOperation step => step.IsChecked && IsWhole(step.Type),
        IConversionOperation conversion => conversion.IsChecked && IsWhole(conversion.Type),
        _ => false,
    };

    // A division is the same instruction whether checked or not.
    private static bool Overflows(BinaryOperatorKind kind) => kind is BinaryOperatorKind.Add or BinaryOperatorKind.Subtract or BinaryOperatorKind.Multiply;

    private static bool IsWhole(ITypeSymbol? type) => type?.SpecialType is >= SpecialType.System_SByte and <= SpecialType.System_UInt64;

    private static string NameOf(IMethodSymbol method) => $"{method.ContainingType.Name}.{method.Name}";

    private static string? Allocation(IOperation operation) => operation switch
    {
        IObjectCreationOperation { Type.IsReferenceType: true } created => $"new {created.Type!.Name}",
        IArrayCreationOperation => "an array",
        ICollectionExpressionOperation => "a collection expression",
        IAnonymousObjectCreationOperation => "an anonymous object",
        IDelegateCreationOperation => "a delegate",
        IInterpolatedStringOperation => "a string",
        ILiteralOperation { Type.SpecialType: SpecialType.System_String } or INameOfOperation => "a string",
        { Kind: OperationKind.None, Syntax: StackAllocArrayCreationExpressionSyntax or ImplicitStackAllocArrayCreationExpressionSyntax } => "memory on the stack",
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

    // What a local function takes from around it, which becomes a field of a class or of a struct passed by reference.
    private static string? Captured(ILocalFunctionOperation local)
    {
        bool IsWithin(ISymbol? symbol) => symbol is not null && (SymbolEqualityComparer.Default.Equals(symbol, local.Symbol) || IsWithin(symbol.ContainingSymbol));
        return local.Descendants()
            .Select(operation => operation switch
            {
                IParameterReferenceOperation parameter => (ISymbol)parameter.Parameter,
                ILocalReferenceOperation { Local.IsConst: false } variable => variable.Local,
                _ => null,
            })
            .FirstOrDefault(symbol => symbol is not null && !IsWithin(symbol.ContainingSymbol))?.Name;
    }

    // Said once of an expression, where it is widest; what the compiler computes costs a kernel nothing. An unsigned number becomes a float by way of a double.
    private static bool IsDouble(IOperation operation) => operation switch
    {
        { ConstantValue.HasValue: true } => false,
        IConversionOperation { Type.SpecialType: SpecialType.System_Single, Operand.Type.SpecialType: SpecialType.System_UInt32 or SpecialType.System_UInt64 } => true,
        IBinaryOperation or IUnaryOperation or IConversionOperation or ICompoundAssignmentOperation or IIncrementOrDecrementOperation or IInvocationOperation
            => operation.Type?.SpecialType == SpecialType.System_Double && Around(operation)?.Type?.SpecialType != SpecialType.System_Double,
        _ => false,
    };

    private static IOperation? Around(IOperation operation) => operation.Parent is IArgumentOperation argument ? argument.Parent : operation.Parent;

    /// <summary>What to say of a call that comes back to this method: kernels have no recursion.</summary>
    public Diagnostic Recursion(IMethodSymbol callee, Location place) => Diagnostic.Create(DiagnosticDescriptors.HookCallsUnknown, place, _name, NameOf(callee));

    private void Report(DiagnosticDescriptor descriptor, IOperation operation, params string[] details)
        => Findings.Add(Diagnostic.Create(descriptor, operation.Syntax.GetLocation(), [_name, .. details]));
}
