using KvPolicy.Generators.Helpers;
using KvPolicy.Generators.Model;

namespace KvPolicy.Generators.Emission;

/// <summary>The axes of a policy in words, one line each.</summary>
internal static class AxisText
{
    public static IEnumerable<string> Lines(PolicyModel model)
    {
        AxesModel axes = model.Axes;
        if (axes.Prefill is { } prefill) yield return $"prefill: {Units(prefill)}, keep {Text(prefill.Budget)}";
        if (axes.Decode is { } decode) yield return $"decode: tokens, keep {DecodeBudget(axes, decode)}";
        foreach (Phase phase in new[] { Phase.Prefill, Phase.Decode })
        {
            bool runs = phase == Phase.Prefill ? axes.Prefill is not null : axes.Decode is not null;
            if (runs && model.HookOf(phase) is { Attention: not null } hook) yield return $"observe: {Text(model.ObserveOf(hook)!)} ({(phase == Phase.Prefill ? "prefill" : "decode")})";
        }

        foreach (DrawAxis draw in model.Hooks.Select(hook => hook.Draw).Where(draw => draw is not null).Distinct().Select(draw => draw!)) yield return $"draw: {Text(draw, axes)}";
        if (axes.Pool is { } pool) yield return $"pool: {(pool.Pooling == Pooling.Max ? "max" : "average")} of {Literal.Text(pool.Width)}";
        if (axes.Share is { } share) yield return $"share: {Text(share)}";
        if (Protected(axes.Protect) is { Length: > 0 } kept) yield return $"protect: {kept}";
    }

    private static string Units(PrefillAxis prefill) => prefill.Unit switch
    {
        Unit.Chunk => $"chunks of {Literal.Text(prefill.Chunk ?? 10)}",
        Unit.Shot => "shots",
        _ => "tokens",
    };

    public static string DecodeBudget(AxesModel axes, DecodeAxis decode)
        => decode.Of == Base.Prompt && !decode.Budget.IsDeclared && axes.Prefill is { } prefill
            ? $"{Text(prefill.Budget)} of the prompt"
            : decode.Budget.Tokens is > 0 ? Text(decode.Budget) : $"{Text(decode.Budget)} of {Text(decode.Of)}";

    public static string Text(BudgetModel budget)
        => budget.Tokens is > 0 and { } tokens ? $"{Literal.Text(tokens)} tokens" : Literal.Text(budget.Keep ?? 1m);

    public static string Text(Base of) => of switch
    {
        Base.Prompt => "the prompt",
        Base.Generated => "the tokens decoded so far",
        _ => "all tokens so far",
    };

    private static string Text(ObserveAxis observe)
    {
        string rows = observe.Rows switch
        {
            Rows.Last => $"the last {Literal.Text(observe.Count)} queries, {(observe.Reduce == Reduce.Sum ? "sum" : "mean")}",
            Rows.All => $"all queries so far, {(observe.Reduce == Reduce.Mean ? "mean" : "sum")}",
            _ => "the current query",
        };
        return rows;
    }

    private static string Text(DrawAxis draw, AxesModel axes) => (draw.Unit == Unit.Shot ? "a number for each shot, " : "a number for each token, ") + (draw.Scope, axes.Scope) switch
    {
        (Scope.Model, _) => "the same in all layers",
        (Scope.Head, Scope.Head) => "each layer and KV head its own",
        _ => "each layer its own",
    };

    private static string Text(ShareAxis share) => share.Scope switch
    {
        Scope.Head => "nothing: a set for each KV head",
        Scope.Layer => $"one set for all KV heads of a layer, {(share.Reduce == Reduce.Mean ? "mean" : "sum")} over heads",
        _ => $"one set for the model, {(share.Reduce == Reduce.Mean ? "mean over heads, sum over layers" : "sum over heads and layers")}",
    };

    private static string Protected(ProtectAxis protect)
    {
        var parts = new List<string>();
        if (protect.Sinks > 0) parts.Add($"the first {Literal.Text(protect.Sinks)}");
        if (protect.Recent is > 0 and { } recent) parts.Add($"the newest {Literal.Text(recent)}");
        if (protect.Recent is null && protect.RecentShare is > 0m and { } share) parts.Add($"the newest {Literal.Text(share)} of the budget");
        return string.Join(", ", parts);
    }
}
