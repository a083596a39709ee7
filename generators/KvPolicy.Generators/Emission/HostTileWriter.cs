using KvPolicy.Generators.Helpers;
using KvPolicy.Generators.Model;
using KvPolicy.Generators.Planning;

namespace KvPolicy.Generators.Emission;

/// <summary>Writes the score method of one pass for the host: its stages in order, each leaving 32 values.</summary>
internal sealed class HostTileWriter(SourceWriter writer, KernelPlan plan, TilePass pass)
{
    private bool Shared => pass.Scope != Scope.Head;

    public void Write()
    {
        if (pass.Observations.Any())
        {
            writer.Line("// Queries whose logits are on the stack at a time.");
            writer.Line("private const int RowBlock = 16;");
            writer.Space();
        }

        writer.Line($"/// <summary>{Summary()}</summary>");
        using (writer.Open("public void Score(in LayerView layer, int head, int tile, Span<float> scores)"))
        using (writer.Open("unchecked"))
        {
            writer.Line("int held = Math.Min(KeyTile.Size, layer.Held(head) - tile * KeyTile.Size);");
            if (NeedsPositions) writer.Line("ReadOnlySpan<int> positions = layer.Positions(head, tile);");
            foreach (Stage stage in pass.Stages) Stage(stage);
            if (pass.Hook is null) writer.Line("scores.Clear();");
        }
    }

    private bool NeedsPositions => pass.Observations.Any() || pass.ReadsPositions;

    private string Summary() => pass.Hook is { } hook
        ? $"Scores up to 32 keys by <see cref=\"Policy.{hook.Hook}\"/>."
        : "Adds the attention that up to 32 keys got to their state.";

    private void Stage(Stage stage)
    {
        switch (stage)
        {
            case ObserveStage observe: Observe(observe); break;
            case ProbabilityStage probability: Probability(probability); break;
            case NormStage norm: Norm(norm); break;
            case DrawStage draw: Draw(draw); break;
            case StateStage state: State(state); break;
            case PerQueryStage perQuery: PerQuery(perQuery); break;
            case HookStage hook: Hook(hook); break;
        }
    }

    private void Declare(string name) => writer.Line($"Span<float> {name} = stackalloc float[KeyTile.Size];");

    private void Observe(ObserveStage stage)
    {
        string used = stage.Name + "Rows";
        writer.Space();
        writer.Line($"// {stage.Name}: what the softmax of {PassArguments.RowsInWords(plan, stage)} gives each key, over {(Shared ? "all query heads" : "the query group")}.");
        Declare(stage.Name);
        writer.Line($"{stage.Name}.Clear();");
        writer.Line($"int {used} = {PassArguments.Rows(plan, stage)};");
        writer.Line($"int {stage.Name}From = layer.Rows - {used}, {stage.Name}To = layer.Rows;");
        writer.Line($"KeyTile.SeeingRows(positions, held, layer.FirstRowPosition, layer.SlidingWindow, ref {stage.Name}From, ref {stage.Name}To);");
        writer.Line($"Span<float> {stage.Name}Logits = stackalloc float[RowBlock * KeyTile.Size];");
        using (writer.Open($"for (int queryHead = {(Shared ? "0" : "head * layer.GroupSize")}; queryHead < {(Shared ? "layer.QueryHeads" : "(head + 1) * layer.GroupSize")}; queryHead++)"))
        {
            writer.Line($"ReadOnlySpan<float> keys = layer.Keys({(Shared ? "queryHead / layer.GroupSize" : "head")}, tile);");
            writer.Line("ReadOnlySpan<float> lse = layer.LogSumExp(queryHead);");
            using (writer.Open($"for (int row = {stage.Name}From; row < {stage.Name}To; row += RowBlock)"))
            {
                writer.Line($"int rows = Math.Min(RowBlock, {stage.Name}To - row);");
                writer.Line($"KeyTile.Dots(layer.Query(queryHead, row), layer.QueryStride, rows, keys, layer.Scale, {stage.Name}Logits);");
                writer.Line($"KeyTile.AddProbabilities({stage.Name}Logits, lse.Slice(row, rows), layer.FirstRowPosition + row, positions, held, layer.SlidingWindow, {stage.Name});");
            }
        }

        writer.Space();
        Scale(stage, used);
    }

    private void Scale(ObserveStage stage, string used)
    {
        string heads = Shared ? "layer.QueryHeads" : "layer.GroupSize";
        bool optional = stage.Rows == Model.Rows.All && plan.Find("rows") is not null;
        if (optional)
        {
            string factor = stage.MeanOfHeads ? $"1f / {heads}" : "1f";
            string mean = stage.MeanOfHeads ? $"1f / ({used} * {heads})" : $"1f / {used}";
            writer.Line($"KeyTile.Scale({stage.Name}, observedRows == int.MaxValue ? {factor} : {mean});");
        }
        else if (stage.MeanOfRows || stage.MeanOfHeads)
        {
            string count = (stage.MeanOfRows, stage.MeanOfHeads) switch
            {
                (true, true) => $"({used} * {heads})",
                (true, false) => used,
                _ => heads,
            };
            writer.Line($"KeyTile.Scale({stage.Name}, 1f / {count});");
        }
    }

    private void Probability(ProbabilityStage stage)
    {
        writer.Space();
        writer.Line($"// {stage.Name}: this step's probabilities, {(stage.MeanOfHeads ? "mean" : "sum")} over {(Shared ? "all query heads" : "the query group")}.");
        Declare(stage.Name);
        writer.Line($"{stage.Name}.Clear();");
        using (writer.Open($"for (int queryHead = {(Shared ? "0" : "head * layer.GroupSize")}; queryHead < {(Shared ? "layer.QueryHeads" : "(head + 1) * layer.GroupSize")}; queryHead++)"))
        {
            writer.Line($"KeyTile.Add(layer.Probabilities(queryHead, tile), {stage.Name});");
        }

        writer.Space();
        if (stage.MeanOfHeads) writer.Line($"KeyTile.Scale({stage.Name}, 1f / {(Shared ? "layer.QueryHeads" : "layer.GroupSize")});");
    }

    private void Norm(NormStage stage)
    {
        (string leaf, string tensor) = stage.OfValues ? ("ValueNorms", "Values") : ("KeyNorms", "Keys");
        writer.Space();
        writer.Line($"// {stage.Name}{(Shared ? $": {(stage.MeanOfHeads ? "mean" : "sum")} over all KV heads" : "")}.");
        Declare(stage.Name);
        if (!Shared)
        {
            writer.Line($"KeyTile.{leaf}(layer.{tensor}(head, tile), {stage.Name});");
            return;
        }

        writer.Line($"{stage.Name}.Clear();");
        writer.Line($"Span<float> {stage.Name}OfHead = stackalloc float[KeyTile.Size];");
        using (writer.Open("for (int kvHead = 0; kvHead < layer.KvHeads; kvHead++)"))
        {
            writer.Line($"KeyTile.{leaf}(layer.{tensor}(kvHead, tile), {stage.Name}OfHead);");
            writer.Line($"KeyTile.Add({stage.Name}OfHead, {stage.Name});");
        }

        writer.Space();
        if (stage.MeanOfHeads) writer.Line($"KeyTile.Scale({stage.Name}, 1f / layer.KvHeads);");
    }

    private void Draw(DrawStage stage)
    {
        string index = "positions";
        writer.Space();
        writer.Line($"// {stage.Name}: {PassArguments.DrawInWords(stage, Shared)}.");
        Declare(stage.Name);
        if (stage.OfShots)
        {
            index = stage.Name + "Shots";
            writer.Line($"Span<int> {index} = stackalloc int[KeyTile.Size];");
            writer.Line($"for (int key = 0; key < held; key++) {index}[key] = layer.Shot(positions[key]);");
        }

        writer.Line($"KeyTile.Draw({PassArguments.Stream(stage)}, {index}, {stage.Name});");
    }

    private void State(StateStage stage)
    {
        writer.Space();
        writer.Line($"// {stage.Name}: the running sum that lives with the key, this call's part added.");
        if (!stage.OnlyWhenAll)
        {
            writer.Line($"Span<float> {stage.Name} = layer.State(head, tile);");
            writer.Line($"KeyTile.Add({stage.Input}, {stage.Name});");
            return;
        }

        writer.Line($"Span<float> {stage.Name} = {stage.Input};");
        using (writer.Open("if (observedRows == int.MaxValue)"))
        {
            writer.Line($"{stage.Name} = layer.State(head, tile);");
            writer.Line($"KeyTile.Add({stage.Input}, {stage.Name});");
        }

        writer.Space();
    }

    private void PerQuery(PerQueryStage stage)
    {
        writer.Space();
        writer.Line($"// {stage.Name}: per query so far.");
        Declare(stage.Name);
        writer.Line($"{stage.Input}.CopyTo({stage.Name});");
        writer.Line($"{(stage.OnlyWhenAll ? "if (observedRows == int.MaxValue) " : "")}KeyTile.Scale({stage.Name}, 1f / layer.Length);");
    }

    private void Hook(HookStage stage)
    {
        string arguments = string.Join(", ", stage.Arguments.Select(argument => argument switch
        {
            HookArgument.OfStage value => $"{value.Name}[key]",
            HookArgument.Position => "positions[key]",
            HookArgument.Length => "layer.Length",
            HookArgument.Layer => "layer.Layer",
            HookArgument.Layers => "layer.Layers",
            HookArgument.Head => "head",
            HookArgument.Number number => PassArguments.Name(number),
            _ => "",
        }));
        writer.Space();
        writer.Line($"for (int key = 0; key < held; key++) scores[key] = Policy.{stage.Hook}({arguments});");
    }
}
