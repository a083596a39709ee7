using Microsoft.CodeAnalysis;

namespace KvPolicy.Generators.Diagnostics;

/// <summary>Every diagnostic. The words of a message say what is wrong and what to do.</summary>
internal static class DiagnosticDescriptors
{
    /// <summary><c>'{1}' must be partial: the code of policy '{0}' is generated into it</c></summary>
    public static readonly DiagnosticDescriptor NotPartial = new(
        id: DiagnosticIds.NotPartial,
        title: "Class is not partial",
        messageFormat: "'{1}' must be partial: the code of policy '{0}' is generated into it",
        category: "KvPolicy.Declaration",
        defaultSeverity: DiagnosticSeverity.Error,
        isEnabledByDefault: true,
        description: "A policy's members are generated into its class, so the class and every type around it must be partial.");

    /// <summary><c>'{0}' cannot be a policy: it is {1}</c></summary>
    public static readonly DiagnosticDescriptor UnsupportedType = new(
        id: DiagnosticIds.UnsupportedType,
        title: "Class cannot be a policy",
        messageFormat: "'{0}' cannot be a policy: it is {1}",
        category: "KvPolicy.Declaration",
        defaultSeverity: DiagnosticSeverity.Error,
        isEnabledByDefault: true,
        description: "A policy is a class of at least internal access with a constructor that takes no arguments; not generic, static, abstract, a record or file-local, nor nested in such a type.");

    /// <summary><c>'{0}' declares [{1}], but scores nothing there: add the hook {2}</c></summary>
    public static readonly DiagnosticDescriptor MissingHook = new(
        id: DiagnosticIds.MissingHook,
        title: "Axis without a hook",
        messageFormat: "'{0}' declares [{1}], but scores nothing there: add the hook {2}",
        category: "KvPolicy.Declaration",
        defaultSeverity: DiagnosticSeverity.Error,
        isEnabledByDefault: true,
        description: "Each phase that a policy takes part in needs a hook that scores its keys.");

    /// <summary><c>Hook '{0}' must be one public or internal static method that returns float, not generic: it is {1}</c></summary>
    public static readonly DiagnosticDescriptor InvalidHook = new(
        id: DiagnosticIds.InvalidHook,
        title: "Method cannot be a hook",
        messageFormat: "Hook '{0}' must be one public or internal static method that returns float, not generic: it is {1}",
        category: "KvPolicy.Declaration",
        defaultSeverity: DiagnosticSeverity.Error,
        isEnabledByDefault: true,
        description: "Kernels outside the class call the hook for each key.");

    /// <summary><c>Parameter '{0}' of hook '{1}' names no signal; known are {2}. A number of the policy needs a default value.</c></summary>
    public static readonly DiagnosticDescriptor UnknownSignal = new(
        id: DiagnosticIds.UnknownSignal,
        title: "Parameter names no signal",
        messageFormat: "Parameter '{0}' of hook '{1}' names no signal; known are {2}. A number of the policy needs a default value.",
        category: "KvPolicy.Declaration",
        defaultSeverity: DiagnosticSeverity.Error,
        isEnabledByDefault: true,
        description: "A hook's parameter without a default says by its name what the hook reads.");

    /// <summary><c>Parameter '{0}' of hook '{1}': {2}</c></summary>
    public static readonly DiagnosticDescriptor InvalidParameter = new(
        id: DiagnosticIds.InvalidParameter,
        title: "Parameter cannot be what it says",
        messageFormat: "Parameter '{0}' of hook '{1}': {2}",
        category: "KvPolicy.Declaration",
        defaultSeverity: DiagnosticSeverity.Error,
        isEnabledByDefault: true,
        description: "Signals have their types; numbers of a policy are int or float, finite, and within their [Range].");

    /// <summary><c>{0} is {1}; it must be {2}</c></summary>
    public static readonly DiagnosticDescriptor AxisOutOfRange = new(
        id: DiagnosticIds.AxisOutOfRange,
        title: "Number of an axis is out of range",
        messageFormat: "{0} is {1}; it must be {2}",
        category: "KvPolicy.Declaration",
        defaultSeverity: DiagnosticSeverity.Error,
        isEnabledByDefault: true,
        description: "The numbers of axes have ranges.");

    /// <summary><c>{0}; {1}</c></summary>
    public static readonly DiagnosticDescriptor AxisConflict = new(
        id: DiagnosticIds.AxisConflict,
        title: "Axes that do not go together",
        messageFormat: "{0}; {1}",
        category: "KvPolicy.Declaration",
        defaultSeverity: DiagnosticSeverity.Error,
        isEnabledByDefault: true,
        description: "A combination of axes that would mean nothing at run time is refused.");

    /// <summary><c>Parameter '{0}' is {1} here and {2} in another hook; it is one number of the policy, so give both the same default and range</c></summary>
    public static readonly DiagnosticDescriptor ConflictingDefaults = new(
        id: DiagnosticIds.ConflictingDefaults,
        title: "One number, two defaults",
        messageFormat: "Parameter '{0}' is {1} here and {2} in another hook; it is one number of the policy, so give both the same default and range",
        category: "KvPolicy.Declaration",
        defaultSeverity: DiagnosticSeverity.Error,
        isEnabledByDefault: true,
        description: "A parameter with a default is a property of the policy, whichever hook names it.");

    /// <summary><c>'{0}' clashes with {1}; rename it</c></summary>
    public static readonly DiagnosticDescriptor NameClash = new(
        id: DiagnosticIds.NameClash,
        title: "Name is taken",
        messageFormat: "'{0}' clashes with {1}; rename it",
        category: "KvPolicy.Declaration",
        defaultSeverity: DiagnosticSeverity.Error,
        isEnabledByDefault: true,
        description: "Numbers of a policy become properties and names of --set, beside those of axes and of generated members.");

    /// <summary><c>[Observe] on parameter '{0}' of hook '{1}' does nothing: only attention is observed</c></summary>
    public static readonly DiagnosticDescriptor MisplacedObserve = new(
        id: DiagnosticIds.MisplacedObserve,
        title: "[Observe] on what is not attention",
        messageFormat: "[Observe] on parameter '{0}' of hook '{1}' does nothing: only attention is observed",
        category: "KvPolicy.Declaration",
        defaultSeverity: DiagnosticSeverity.Error,
        isEnabledByDefault: true,
        description: "[Observe] says from which queries attention is read.");

    /// <summary><c>Hook '{0}' reads attention, but nothing says of which queries: add {1} to the class or to the parameter</c></summary>
    public static readonly DiagnosticDescriptor MissingObserve = new(
        id: DiagnosticIds.MissingObserve,
        title: "Attention of which queries?",
        messageFormat: "Hook '{0}' reads attention, but nothing says of which queries: add {1} to the class or to the parameter",
        category: "KvPolicy.Declaration",
        defaultSeverity: DiagnosticSeverity.Error,
        isEnabledByDefault: true,
        description: "Attention is that of the last queries, of all, or of the current one; no choice is safe for all policies.");

    /// <summary><c>Hook '{0}' is never called: '{1}' has no axis for it, or a hook for the phase alone takes its place</c></summary>
    public static readonly DiagnosticDescriptor UnusedHook = new(
        id: DiagnosticIds.UnusedHook,
        title: "Hook is never called",
        messageFormat: "Hook '{0}' is never called: '{1}' has no axis for it, or a hook for the phase alone takes its place",
        category: "KvPolicy.Declaration",
        defaultSeverity: DiagnosticSeverity.Error,
        isEnabledByDefault: true,
        description: "A hook runs in a phase that the class declares with [Prefill] or [Decode].");

    /// <summary><c>'{0}' cannot list the policies: it is {1}</c></summary>
    public static readonly DiagnosticDescriptor InvalidCatalog = new(
        id: DiagnosticIds.InvalidCatalog,
        title: "Class cannot be a catalog",
        messageFormat: "'{0}' cannot list the policies: it is {1}",
        category: "KvPolicy.Declaration",
        defaultSeverity: DiagnosticSeverity.Error,
        isEnabledByDefault: true,
        description: "A catalog is a static, partial class of its own; the list is generated into it.");

    /// <summary><c>[Draw] on parameter '{0}' of hook '{1}' does nothing: only random is drawn</c></summary>
    public static readonly DiagnosticDescriptor MisplacedDraw = new(
        id: DiagnosticIds.MisplacedDraw,
        title: "[Draw] on what is not random",
        messageFormat: "[Draw] on parameter '{0}' of hook '{1}' does nothing: only random is drawn",
        category: "KvPolicy.Declaration",
        defaultSeverity: DiagnosticSeverity.Error,
        isEnabledByDefault: true,
        description: "[Draw] says who draws the same random number.");

    /// <summary><c>'{0}' throws, which no kernel can: {1}</c></summary>
    public static readonly DiagnosticDescriptor HookThrows = new(
        id: DiagnosticIds.HookThrows,
        title: "Hook may throw",
        messageFormat: "'{0}' throws, which no kernel can: {1}",
        category: "KvPolicy.Kernel",
        defaultSeverity: DiagnosticSeverity.Error,
        isEnabledByDefault: true,
        description: "GPU code has no exceptions; Math.Clamp and a switch expression that does not cover every value throw too.");

    /// <summary><c>'{0}' contains {1}, which no kernel can</c></summary>
    public static readonly DiagnosticDescriptor HookTries = new(
        id: DiagnosticIds.HookTries,
        title: "Hook handles exceptions",
        messageFormat: "'{0}' contains {1}, which no kernel can",
        category: "KvPolicy.Kernel",
        defaultSeverity: DiagnosticSeverity.Error,
        isEnabledByDefault: true,
        description: "GPU code has no exceptions, locks or disposal.");

    /// <summary><c>'{0}' allocates: {1}; use numbers and structs</c></summary>
    public static readonly DiagnosticDescriptor HookAllocates = new(
        id: DiagnosticIds.HookAllocates,
        title: "Hook allocates",
        messageFormat: "'{0}' allocates: {1}; use numbers and structs",
        category: "KvPolicy.Kernel",
        defaultSeverity: DiagnosticSeverity.Error,
        isEnabledByDefault: true,
        description: "GPU code has no heap: no class instances, arrays, strings, lambdas or boxing.");

    /// <summary><c>'{0}' reads '{1}', which a kernel cannot see: use a constant, or a parameter with a default</c></summary>
    public static readonly DiagnosticDescriptor HookReadsStatic = new(
        id: DiagnosticIds.HookReadsStatic,
        title: "Hook reads a static that can change",
        messageFormat: "'{0}' reads '{1}', which a kernel cannot see: use a constant, or a parameter with a default",
        category: "KvPolicy.Kernel",
        defaultSeverity: DiagnosticSeverity.Error,
        isEnabledByDefault: true,
        description: "A kernel sees constants and static readonly numbers, neither variables nor arrays.");

    /// <summary><c>'{0}' calls '{1}' through an interface or a virtual method, which no kernel can</c></summary>
    public static readonly DiagnosticDescriptor HookCallsVirtual = new(
        id: DiagnosticIds.HookCallsVirtual,
        title: "Hook calls through a table",
        messageFormat: "'{0}' calls '{1}' through an interface or a virtual method, which no kernel can",
        category: "KvPolicy.Kernel",
        defaultSeverity: DiagnosticSeverity.Error,
        isEnabledByDefault: true,
        description: "GPU code is compiled whole, so every callee must be known.");

    /// <summary><c>'{0}' uses {1}, which kernels do not have; use float</c></summary>
    public static readonly DiagnosticDescriptor HookUsesType = new(
        id: DiagnosticIds.HookUsesType,
        title: "Hook uses a type that kernels lack",
        messageFormat: "'{0}' uses {1}, which kernels do not have; use float",
        category: "KvPolicy.Kernel",
        defaultSeverity: DiagnosticSeverity.Error,
        isEnabledByDefault: true,
        description: "Kernels compute with float and int.");

    /// <summary><c>'{0}' calls '{1}', which does not work, or not at full speed, in a kernel; MathF.Exp, Log, Sqrt and their like, Math.Min, Max, Abs and own static methods do</c></summary>
    public static readonly DiagnosticDescriptor HookCallsUnknown = new(
        id: DiagnosticIds.HookCallsUnknown,
        title: "Hook calls what kernels lack",
        messageFormat: "'{0}' calls '{1}', which does not work, or not at full speed, in a kernel; MathF.Exp, Log, Sqrt and their like, Math.Min, Max, Abs and own static methods do",
        category: "KvPolicy.Kernel",
        defaultSeverity: DiagnosticSeverity.Error,
        isEnabledByDefault: true,
        description: "Some library methods have no GPU body, or another rounding there.");

    /// <summary><c>'{0}' computes in double, which costs a GPU 32 to 64 times as much as float; write the constant with f, or use MathF</c></summary>
    public static readonly DiagnosticDescriptor HookUsesDouble = new(
        id: DiagnosticIds.HookUsesDouble,
        title: "Hook computes in double",
        messageFormat: "'{0}' computes in double, which costs a GPU 32 to 64 times as much as float; write the constant with f, or use MathF",
        category: "KvPolicy.Kernel",
        defaultSeverity: DiagnosticSeverity.Warning,
        isEnabledByDefault: true,
        description: "Scores are float.");

    /// <summary>Those of declarations, by id: what the parser and the planner refuse.</summary>
    public static readonly IReadOnlyDictionary<string, DiagnosticDescriptor> Declarations = new[]
    {
        NotPartial,
        UnsupportedType,
        MissingHook,
        InvalidHook,
        UnknownSignal,
        InvalidParameter,
        AxisOutOfRange,
        AxisConflict,
        ConflictingDefaults,
        NameClash,
        MisplacedObserve,
        MissingObserve,
        UnusedHook,
        MisplacedDraw,
    }.ToDictionary(descriptor => descriptor.Id);
}
