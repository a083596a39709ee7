using KvPolicy.Generators.Helpers;
using KvPolicy.Generators.Model;
using KvPolicy.Generators.Planning;

namespace KvPolicy.Generators.Emission;

/// <summary>The readable plan: passes, what each reads and writes, what it costs, and why a cut is where it is.</summary>
internal sealed class PlanText
{
    private readonly SourceWriter _writer = new();
    private readonly KernelPlan _plan;
    private readonly AxesModel _axes;
    private int _pass;

    private PlanText(KernelPlan plan) => (_plan, _axes) = (plan, plan.Model.Axes);

    public static string Write(KernelPlan plan)
    {
        var text = new PlanText(plan);
        text.Head();
        using (text._writer.Indent())
        {
            text.Prefill();
            text.Decode();
            text.Foot();
        }

        return text._writer.ToString();
    }

    private string Heads => _axes.Scope switch
    {
        Scope.Head => "for each KV head",
        Scope.Layer => "for all KV heads of a layer alike",
        _ => "for all layers alike",
    };

    private void Head()
    {
        string prefill = (_axes.Prefill, _axes.Scope) switch
        {
            (null, _) => "prefill: nothing is evicted",
            (_, Scope.Model) => "prefill: all layers, then one choice (scope=layer: layer by layer)",
            ({ Unit: Unit.Shot }, Scope.Layer) => "prefill: layer by layer (scope=model: all layers, then one choice)",
            _ => "prefill: layer by layer",
        };
        _writer.Line($"{_plan.Model.Type.Name}   {prefill}; decode: {(_axes.Decode is null ? "nothing is evicted" : "every step")}");
    }

    private void Prefill()
    {
        if (_plan.Prefill is { } pass)
        {
            Tile(pass, pass.Hook is null ? "sum" : "score");
            if (pass.Hook is null) Detail("why", "decoding goes on with the prompt's sums, so they start here");
        }

        if (_plan.Pool is not null)
        {
            Row("pool", $"score -> score   {(_axes.Pool!.Pooling == Pooling.Max ? "max" : "average")} (pooling) of {Literal.Text(_axes.Pool.Width)} (pool) competing neighbours; none for pool=1");
            Detail("cut", "neighbours lie in other tiles, and protected keys must be cut out first");
        }

        if (_axes.Prefill is null) return;
        Row("select", Selection(_axes.Prefill));
        if (_plan.Pool is null) Detail("cut", "a key's rank depends on all others");
        Row("compact", "keys, values, positions" + (HasState ? ", state" : "") + ", in order");
    }

    private string Selection(PrefillAxis prefill)
    {
        string budget = AxisText.Text(prefill.Budget) + (prefill.Budget.Tokens is > 0 ? "" : " of the prompt");
        return prefill.Unit switch
        {
            Unit.Chunk => $"exactly k = {budget} {Heads}: chunks of {Literal.Text(prefill.Chunk ?? 10)} (chunk) by the sum of their scores, the next one cut to what fits",
            Unit.Shot => $"whole shots by the mean of their scores into k = {budget} {Heads}, packing={_plan.Find("packing")!.Default}, outside={_plan.Find("outside")!.Default}",
            _ => $"exactly k = {budget} {Heads}, ties to the lower position",
        } + Protected();
    }

    private void Decode()
    {
        if (_axes.Decode is not { } decode || _plan.Decode is not { } pass) return;
        Tile(pass, "step");
        Row("evict", $"down to {AxisText.DecodeBudget(_axes, decode)}{Protected()}, newest={_plan.Find("newest")!.Default}; the last key takes the free slot");
        if (decode.Of == Base.Generated) Detail("note", "what stayed of the prompt is frozen");
    }

    private string Protected()
    {
        var parts = new List<string>();
        if (_plan.Find("sinks") is { } sinks && sinks.Default != "0") parts.Add($"first {sinks.Default} (sinks)");
        if (_plan.Find("recent") is { } recent && recent.Default != "0")
            parts.Add(recent.Default == "share" ? $"newest {Literal.Text(_axes.Protect.RecentShare!.Value)} x k (recent)" : $"newest {recent.Default} (recent)");
        return parts.Count == 0 ? "" : "; protected: " + string.Join(", ", parts);
    }

    private void Tile(TilePass pass, string name)
    {
        Row(name, $"{string.Join(", ", Reads(pass))} -> {(pass.Hook is null ? "" : "score")}{(pass.HasState ? pass.Hook is null ? "state" : ", state" : "")}");
        foreach (Stage stage in pass.Stages) Detail("", Describe(stage));
        (PlanCost ofHead, PlanCost ofLayer) = PlanCost.Of(pass, _plan);
        if (ofLayer == default || ofHead != default) Detail("cost", $"{Cost(ofHead)} a key and KV head{(ofLayer == default ? "" : $"; {Cost(ofLayer)} a key and layer")}");
        else Detail("cost", $"{Cost(ofLayer)} a key and layer");
    }

    private static string Cost(PlanCost cost)
        => $"{Literal.Text(cost.Bytes)} B{(cost.Dots > 0 ? $", {Literal.Text(cost.Dots)} dots" : "")}{(cost.Integers > 0 ? $", {Literal.Text(cost.Integers)} integer operations" : "")}, {Flops(cost.Flops)}";

    private IEnumerable<string> Reads(TilePass pass)
    {
        foreach (ObserveStage observe in pass.Observations)
        {
            yield return $"keys x queries [{Rows(observe)}, {(_axes.Scope == Scope.Head ? "group" : "all heads")}], lse";
        }

        if (pass.ReadsKeys && !pass.Observations.Any()) yield return "keys";
        if (pass.ReadsValues) yield return "values";
        if (pass.Stages.Any(stage => stage is ProbabilityStage)) yield return "this step's attention (its own pass keeps it: no key is read again)";
        if (pass.HasState) yield return "state";
        if (pass.ReadsPositions) yield return "positions";
        if (pass.Stages.Any(stage => stage is DrawStage { OfShots: true })) yield return "their shots";
        if (pass.Hook?.Arguments.All(argument => argument is not (HookArgument.OfStage or HookArgument.Position)) == true && pass.Stages.Count == 1) yield return "nothing";
    }

    private string Rows(ObserveStage observe) => observe.Rows switch
    {
        Model.Rows.Last => $"last {_plan.Find("window")!.Default} (window)",
        _ when _plan.Find("rows") is not null => "all (rows)",
        _ => "all",
    };

    private string Describe(Stage stage) => stage switch
    {
        ObserveStage observe => $"{stage.Name} = exp(q.k / sqrt(d) - lse), {(observe.MeanOfRows ? "mean" : "sum")} over rows, {Over(observe.MeanOfHeads, "query")}{(_plan.Find("rows") is null ? "" : "; mean over rows for rows=N")}",
        ProbabilityStage probability => $"{stage.Name} = probability, {Over(probability.MeanOfHeads, "query")}",
        NormStage norm => $"{stage.Name} = |{(norm.OfValues ? "value" : "key")}|{(_axes.Scope == Scope.Head ? "" : ", " + Over(norm.MeanOfHeads, "KV"))}",
        DrawStage draw => $"{draw.Name} = hash of ({Hashed(draw)}), {PassArguments.DrawInWords(draw, _axes.Scope != Scope.Head)}; no key is read",
        StateStage state => $"{stage.Name} = state += {state.Input}, 4 B a key that live and die with it{(_plan.Model.SumsWhileDecoding ? "" : " (a prefill by chunks goes on with it)")}{(state.OnlyWhenAll ? "; none for rows=N" : "")}",
        PerQueryStage per => $"{stage.Name} = {per.Input} / length",
        HookStage hook => $"score = {hook.Hook}({string.Join(", ", hook.Arguments.Select(Argument))})",
        _ => stage.Name,
    };

    private string Hashed(DrawStage draw) => (draw.Scope, _axes.Scope) switch
    {
        (Scope.Model, _) => "seed, ",
        (Scope.Head, Scope.Head) => "seed, layer, head, ",
        _ => "seed, layer, ",
    } + (draw.OfShots ? "shot" : "position");

    private string Over(bool mean, string heads) => _axes.Scope == Scope.Head ? $"{(mean ? "mean" : "sum")} over the group" : $"{(mean ? "mean" : "sum")} over all {heads} heads";

    private static string Argument(HookArgument argument) => argument switch
    {
        HookArgument.OfStage stage => stage.Name,
        HookArgument.Position => "position",
        HookArgument.Length => "length",
        HookArgument.Layer => "layer",
        HookArgument.Layers => "layers",
        HookArgument.Head => "head",
        HookArgument.Number number => number.Name,
        _ => "",
    };

    private bool HasState => _plan.Prefill?.HasState == true || _plan.Decode?.HasState == true;

    private void Foot()
    {
        var passes = new[] { _plan.Prefill, _plan.Decode }.Where(pass => pass is not null).Select(pass => pass!).ToArray();
        var never = new List<string>();
        if (!passes.Any(pass => pass.Observations.Any())) never.Add("queries");
        if (!passes.Any(pass => pass.ReadsKeys)) never.Add("keys");
        if (!passes.Any(pass => pass.ReadsValues)) never.Add("values");
        _writer.Line($"never read: {string.Join(", ", never)}    state kept: {(HasState ? "a float a key" : "none")}");
        if (passes.Length > 0)
            _writer.Line($"costs are for head size {Literal.Text(PlanCost.HeadDim)}, {Literal.Text(PlanCost.Group)} query heads a KV head{(passes.Any(pass => pass.Observations.Any(stage => stage.Rows == Model.Rows.All)) ? $", a prompt of {Literal.Text(PlanCost.Prompt)}" : "")}; bytes are those that memory must move{(passes.Any(pass => pass.Observations.Any()) ? ": queries, and a tile's keys for all queries but the first, come from a cache" : "")}");
    }

    private void Row(string name, string text) => _writer.Line($"{Literal.Text(++_pass)} {name.PadRight(8)} {text}");

    private void Detail(string name, string text) => _writer.Line($"    {(name.Length == 0 ? "" : name + ": ")}{text}");

    private static string Flops(int count)
        => count < 1000 ? $"{Literal.Text(count)} FLOP" : $"{Literal.Text(decimal.Round(count / 1000m, 1))} kFLOP";
}
