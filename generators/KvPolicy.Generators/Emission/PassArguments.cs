using KvPolicy.Generators.Helpers;
using KvPolicy.Generators.Planning;

namespace KvPolicy.Generators.Emission;

/// <summary>A number that a pass takes from the instance.</summary>
/// <param name="Type">Type in generated code.</param>
/// <param name="Name">Parameter.</param>
/// <param name="Value">Property of the instance.</param>
internal sealed record PassArgument(string Type, string Name, string Value);

/// <summary>The numbers that passes take from the instance: arguments, so that no value of theirs is compiled in.</summary>
internal static class PassArguments
{
    /// <param name="plan">Plan.</param>
    /// <param name="pass">Pass.</param>
    /// <param name="withPool">True for the struct that also pools.</param>
    public static IEnumerable<PassArgument> Of(KernelPlan plan, TilePass pass, bool withPool)
    {
        if (pass.Observations.Any() && RowLimit(plan) is { } limit) yield return limit;
        if (withPool && pass.Phase == Model.Phase.Prefill && plan.Pool is not null)
        {
            yield return new PassArgument("int", "pool", "Pool");
            yield return new PassArgument("Pooling", "pooling", "Pooling");
        }

        if (pass.Draws) yield return new PassArgument("int", "seed", "Seed");
        foreach (HookArgument.Number number in pass.Hook?.Arguments.OfType<HookArgument.Number>() ?? [])
            yield return new PassArgument(number.IsInteger ? "int" : "float", Name(number), Literal.Identifier(Literal.Property(number.Name)));
    }

    /// <summary>How many rows an observation uses, as C#.</summary>
    public static string Rows(KernelPlan plan, ObserveStage stage) => (stage.Rows, plan.Find("rows")) switch
    {
        (Model.Rows.Last, _) => "Math.Min(window, layer.Rows)",
        (_, not null) => "Math.Min(observedRows, layer.Rows)",
        _ => "layer.Rows",
    };

    /// <summary>The same for people.</summary>
    public static string RowsInWords(KernelPlan plan, ObserveStage stage) => (stage.Rows, plan.Find("rows")) switch
    {
        (Model.Rows.Last, _) => "the last `window` queries",
        (_, not null) => "the last `observedRows` queries",
        _ => "all queries",
    };

    // How many rows the instance observes, where it can say so.
    private static PassArgument? RowLimit(KernelPlan plan)
        => plan.Find("window") is not null ? new PassArgument("int", "window", "Window")
            : plan.Find("rows") is { } rows ? new PassArgument("int", "observedRows", rows.Property)
            : null;

    /// <summary>What a stage draws from, as C#.</summary>
    public static string Stream(DrawStage stage) => stage.Scope switch
    {
        Model.Scope.Head => "Draws.Stream(seed, layer.Layer, head)",
        Model.Scope.Layer => "Draws.Stream(seed, layer.Layer, 0)",
        _ => "Draws.Stream(seed, 0, 0)",
    };

    /// <summary>The same for people.</summary>
    public static string DrawInWords(DrawStage stage, bool shared)
        => $"a number in [0, 1) for each {(stage.OfShots ? "shot" : "token")}, " + (stage.Scope, shared) switch
        {
            (Model.Scope.Model, _) => "the same in all layers",
            (Model.Scope.Layer, _) or (_, true) => "each layer its own",
            _ => "each layer and KV head its own",
        };

    /// <summary>A hyper-parameter in generated code, out of the way of its local names.</summary>
    public static string Name(HookArgument.Number number) => "_" + number.Name;
}
