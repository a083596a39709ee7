using KvPolicy.Generators.Helpers;

namespace KvPolicy.Generators.Model;

/// <summary>A policy as declared.</summary>
/// <param name="Type">The class.</param>
/// <param name="Documentation">What its comment says.</param>
/// <param name="Axes">Its attributes.</param>
/// <param name="Hooks">Its hooks.</param>
/// <remarks>
/// A value of the incremental pipeline, as everything that it holds: immutable, equal by value, and free of symbols, syntax, locations
/// and compilations, which would keep old compilations alive and make every edit look like a change. New members keep to that.
/// </remarks>
internal sealed record PolicyModel(TypeModel Type, DocumentationModel Documentation, AxesModel Axes, EquatableArray<HookModel> Hooks)
{
    /// <summary>The hook of a phase that the class declares, or null.</summary>
    public HookModel? HookOf(Phase phase) => Hook(phase == Phase.Prefill ? "ScorePrefill" : "ScoreDecode") ?? Hook("Score");

    /// <summary>Which queries a hook's attention comes from: the parameter's own [Observe], else the class's; null where there is neither.</summary>
    public ObserveAxis? ObserveOf(HookModel hook) => hook.Attention?.Observe ?? Axes.Observe;

    /// <summary>True where decoding reads a running sum of attention.</summary>
    public bool SumsWhileDecoding => Axes.Decode is not null && HookOf(Phase.Decode) is { Attention: not null } hook && ObserveOf(hook)?.Rows == Rows.All;

    private HookModel? Hook(string name) => Hooks.FirstOrDefault(hook => hook.Name == name);
}

/// <summary>Where the policy's class stands.</summary>
/// <param name="Namespace">Its namespace as code, or empty.</param>
/// <param name="Containing">Types around it, outermost first.</param>
/// <param name="Name">Its name, without @.</param>
internal sealed record TypeModel(string Namespace, EquatableArray<ContainingType> Containing, string Name)
{
    /// <summary>As code, from any place.</summary>
    public string FullName => "global::" + string.Concat(Parts.Select(part => part + ".")) + Literal.Identifier(Name);

    /// <summary>Beginning of the names of its generated files.</summary>
    public string HintName => string.Concat(Parts.Select(part => part + ".")).Replace("@", "") + Name;

    private IEnumerable<string> Parts
        => (Namespace.Length > 0 ? new[] { Namespace } : []).Concat(Containing.Select(type => Literal.Identifier(type.Name)));
}

/// <summary>A type around the policy.</summary>
/// <param name="Keyword">class, struct, record, record struct, interface.</param>
/// <param name="Name">Its name, without @.</param>
internal sealed record ContainingType(string Keyword, string Name);

/// <summary>What the documentation comment of the class says.</summary>
/// <param name="Summary">One line.</param>
/// <param name="Paper">arXiv number, or empty.</param>
/// <param name="Remarks">One line: what follows the paper and what does not.</param>
internal sealed record DocumentationModel(string Summary, string Paper, string Remarks);

/// <summary>The axes that the class declares.</summary>
internal sealed record AxesModel(PrefillAxis? Prefill, DecodeAxis? Decode, ObserveAxis? Observe, PoolAxis? Pool, ShareAxis? Share, ProtectAxis Protect)
{
    public Scope Scope => Share?.Scope ?? Scope.Head;
}
