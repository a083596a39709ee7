using KvPolicy.Generators.Helpers;
using KvPolicy.Generators.Model;
using KvPolicy.Generators.Planning;

namespace KvPolicy.Generators.Emission;

/// <summary>Writes the body of one pass's kernel: its stages in order, each leaving one value in the lane of its key.</summary>
internal sealed class GpuTileWriter(SourceWriter writer, KernelPlan plan, TilePass pass)
{
    private bool Shared => pass.Scope != Scope.Head;

    private bool Observes => pass.Observations.Any();

    private bool NeedsPage => Observes || pass.HasState || pass.ReadsPositions;

    public void Write()
    {
        if (Observes) GpuObserveWriter.SharedMemory(writer);
        writer.Line("int lane = Group.IdxX & 31, warp = Group.IdxX >> 5;");
        writer.Line(Observes ? "int tile = Grid.IdxX, head = Grid.IdxY;" : "int tile = Grid.IdxX * 4 + warp, head = Grid.IdxY;");
        writer.Line("int held = Math.Min(32, layer.Held[head] - tile * 32);");
        writer.Line("if (held <= 0) return;");
        if (NeedsPage) writer.Line("long page = layer.Pages[head * layer.PageStride + tile];");
        foreach (ObserveStage stage in pass.Observations) new GpuObserveWriter(writer, plan, pass, stage).Write();
        if (Observes)
        {
            writer.Space();
            writer.Line("// What follows is a value a key: the first warp's work.");
            writer.Line("if (warp != 0) return;");
        }

        foreach (Stage stage in pass.Stages) Stage(stage);
        if (pass.Hook is null) writer.Line("if (lane < held) scores[(long)head * layer.ScoreStride + tile * 32 + lane] = 0f;");
    }

    private void Stage(Stage stage)
    {
        switch (stage)
        {
            case ProbabilityStage probability: Probability(probability); break;
            case NormStage { OfValues: false } norm: KeyNorm(norm); break;
            case NormStage norm: ValueNorm(norm); break;
            case DrawStage draw: Draw(draw); break;
            case StateStage state: State(state); break;
            case PerQueryStage perQuery: PerQuery(perQuery); break;
            case HookStage hook: Hook(hook); break;
        }
    }

    private void Probability(ProbabilityStage stage)
    {
        writer.Space();
        writer.Line($"// {stage.Name}: this step's probabilities, {(stage.MeanOfHeads ? "mean" : "sum")} over {(Shared ? "all query heads" : "the query group")}.");
        writer.Line($"float {stage.Name} = 0f;");
        writer.Line($"int heads = {(Shared ? "layer.QueryHeads" : "layer.QueryHeads / layer.KvHeads")};");
        writer.Line($"for (int i = 0; i < heads; i++) {stage.Name} += layer.Probabilities[(long){(Shared ? "i" : "(head * heads + i)")} * layer.ScoreStride + tile * 32 + lane];");
        if (stage.MeanOfHeads) writer.Line($"{stage.Name} *= 1f / heads;");
    }

    private void KeyNorm(NormStage stage)
    {
        writer.Space();
        writer.Line($"// {stage.Name}: coalesced, a channel of 32 keys at a time.");
        OverHeads(stage, kvHead =>
        {
            writer.Line($"long key = {Page(kvHead)} * layer.HeadDim * 32 + lane;");
            writer.Line("float squares = 0f;");
            using (writer.Open("for (int channel = 0; channel < layer.HeadDim; channel++)"))
            {
                writer.Line("float value = layer.Keys[key + channel * 32];");
                writer.Line("squares += value * value;");
            }

            writer.Space();
            writer.Line($"{stage.Name} {(Shared ? "+=" : "=")} MathF.Sqrt(squares);");
        });
    }

    // A value lies in one piece, so the lanes share its channels, and each key's lane takes its sum.
    private void ValueNorm(NormStage stage)
    {
        writer.Space();
        writer.Line($"// {stage.Name}: the lanes share the channels of one value after the other, so that reads are coalesced.");
        OverHeads(stage, kvHead =>
        {
            writer.Line($"long values = {Page(kvHead)} * layer.HeadDim * 32;");
            using (writer.Open("for (int j = 0; j < 32; j++)"))
            {
                writer.Line("float squares = 0f;");
                using (writer.Open("for (int channel = lane; channel < layer.HeadDim; channel += 32)"))
                {
                    writer.Line("float value = layer.Values[values + j * layer.HeadDim + channel];");
                    writer.Line("squares += value * value;");
                }

                writer.Space();
                writer.Line("for (int mask = 16; mask > 0; mask >>= 1) squares += Warp.ShuffleXor(squares, mask);");
                writer.Line($"if (j == lane) {stage.Name} {(Shared ? "+=" : "=")} MathF.Sqrt(squares);");
            }
        });
    }

    // What the kernel has loaded already is not loaded again.
    private string Page(string kvHead) => NeedsPage && !Shared ? "page" : $"(long)layer.Pages[{kvHead} * layer.PageStride + tile]";

    private void OverHeads(NormStage stage, Action<string> body)
    {
        writer.Line($"float {stage.Name} = 0f;");
        if (!Shared)
        {
            using (writer.Open()) body("head");
            return;
        }

        using (writer.Open("for (int kvHead = 0; kvHead < layer.KvHeads; kvHead++)")) body("kvHead");
        writer.Space();
        if (stage.MeanOfHeads) writer.Line($"{stage.Name} *= 1f / layer.KvHeads;");
    }

    private void Draw(DrawStage stage)
    {
        string position = "layer.Positions[page * 32 + lane]";
        writer.Space();
        writer.Line($"// {stage.Name}: {PassArguments.DrawInWords(stage, Shared)}.");
        writer.Line($"float {stage.Name} = Draws.Uniform({PassArguments.Stream(stage)}, {(stage.OfShots ? $"layer.Shot({position})" : position)});");
    }

    private void State(StateStage stage)
    {
        writer.Space();
        writer.Line($"// {stage.Name}: the running sum that lives with the key, this call's part added.");
        writer.Line($"float {stage.Name} = {stage.Input};");
        using (writer.Open(stage.OnlyWhenAll ? "if (observedRows == int.MaxValue && lane < held)" : "if (lane < held)"))
        {
            writer.Line($"{stage.Name} += layer.State[page * 32 + lane];");
            writer.Line($"layer.State[page * 32 + lane] = {stage.Name};");
        }
    }

    private void PerQuery(PerQueryStage stage)
    {
        writer.Space();
        writer.Line($"// {stage.Name}: per query so far.");
        writer.Line($"float {stage.Name} = {(stage.OnlyWhenAll ? $"observedRows == int.MaxValue ? {stage.Input} / layer.Length : {stage.Input}" : $"{stage.Input} / layer.Length")};");
    }

    private void Hook(HookStage stage)
    {
        string arguments = string.Join(", ", stage.Arguments.Select(argument => argument switch
        {
            HookArgument.OfStage value => value.Name,
            HookArgument.Position => "layer.Positions[page * 32 + lane]",
            HookArgument.Length => "layer.Length",
            HookArgument.Layer => "layer.Layer",
            HookArgument.Layers => "layer.Layers",
            HookArgument.Head => "head",
            HookArgument.Number number => PassArguments.Name(number),
            _ => "",
        }));
        writer.Space();
        writer.Line($"if (lane < held) scores[(long)head * layer.ScoreStride + tile * 32 + lane] = Policy.{stage.Hook}({arguments});");
    }
}
