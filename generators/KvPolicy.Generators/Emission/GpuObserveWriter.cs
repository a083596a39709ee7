using KvPolicy.Generators.Helpers;
using KvPolicy.Generators.Model;
using KvPolicy.Generators.Planning;

namespace KvPolicy.Generators.Emission;

/// <summary>
/// Writes the loop nest of observed prompt rows: 32 (query head, row) pairs at a time, eight a warp, their queries staged in shared memory
/// 32 channels at a time, so that neither rows nor head size decide how much of it is used. A lane keeps eight dot products of its key in
/// registers; one 128-bit shared load feeds four multiply-adds.
/// </summary>
internal sealed class GpuObserveWriter(SourceWriter writer, KernelPlan plan, TilePass pass, ObserveStage stage)
{
    private const int PerWarp = 8;

    private bool Shared => pass.Scope != Scope.Head;

    /// <summary>Shared memory of all observations of a kernel.</summary>
    public static void SharedMemory(SourceWriter writer)
    {
        writer.Line("// [32 pairs, 32 channels] of queries; [4 warps, 32 keys] of partial sums.");
        writer.Line("ArrayView<Float4> quads = SharedMemory.Allocate<Float4>(256);");
        writer.Line("ArrayView<float> staged = quads.Cast<float>();");
        writer.Line("ArrayView<float> partial = SharedMemory.Allocate<float>(128);");
    }

    public void Write()
    {
        string name = stage.Name;
        string heads = Shared ? "layer.QueryHeads" : "group";
        writer.Space();
        writer.Line($"// {name}: what the softmax of {PassArguments.RowsInWords(plan, stage)} gives each key, over {(Shared ? "all query heads" : "the query group")}.");
        writer.Line($"float {name} = 0f;");
        using (writer.Open())
        {
            Rows();
            if (Shared)
            {
                using (writer.Open("for (int kvHead = 0; kvHead < layer.KvHeads; kvHead++)"))
                {
                    writer.Line("int firstQueryHead = kvHead * group;");
                    writer.Line("long key = (long)layer.Pages[kvHead * layer.PageStride + tile] * layer.HeadDim * 32 + lane;");
                    Pairs();
                }
            }
            else
            {
                writer.Line("int firstQueryHead = head * group;");
                writer.Line("long key = page * layer.HeadDim * 32 + lane;");
                Pairs();
            }

            writer.Space();
            writer.Line("// The warps' shares, added in a fixed order.");
            writer.Line($"""
                partial[warp * 32 + lane] = {name};
                Group.Barrier();
                {name} = ((partial[lane] + partial[32 + lane]) + partial[64 + lane]) + partial[96 + lane];
                Group.Barrier();
                """);
            Scale(heads);
        }
    }

    private void Rows()
    {
        writer.Line($"""
            int group = layer.QueryHeads / layer.KvHeads;
            int used = {PassArguments.Rows(plan, stage)};
            // Rows that see no key of the tile are left out; positions ascend within it.
            int from = Math.Max(layer.Rows - used, layer.Positions[page * 32] - layer.FirstRowPosition), to = layer.Rows;
            if (layer.SlidingWindow > 0) to = Math.Min(to, layer.Positions[page * 32 + held - 1] + layer.SlidingWindow - layer.FirstRowPosition);
            int rows = Math.Max(0, to - from);
            int position = layer.Positions[page * 32 + lane];
            float scale = 1f / MathF.Sqrt(layer.HeadDim);
            """);
    }

    private void Pairs()
    {
        using (writer.Open("for (int block = 0; block < rows * group; block += 32)"))
        {
            writer.Line("// This warp's eight pairs start here; the division is made once, and a walk follows.");
            writer.Line($"int number = block + warp * {PerWarp};");
            writer.Line("var pair = new Pair { Head = number / rows, Row = number % rows };");
            writer.Line($"float {string.Join(", ", Enumerable.Range(0, PerWarp).Select(i => $"dot{i} = 0f"))};");
            Channels();
            writer.Space();
            writer.Line("float mass = 0f;");
            for (int i = 0; i < PerWarp; i++)
            {
                writer.Line($"mass += Probability(layer, dot{i} * scale, firstQueryHead, from, group, pair, position);");
                if (i < PerWarp - 1) writer.Line("pair = Next(pair, rows);");
            }

            writer.Space();
            writer.Line($"{stage.Name} += mass;");
        }
    }

    private void Channels()
    {
        using (writer.Open("for (int channels = 0; channels < layer.HeadDim; channels += 32)"))
        {
            writer.Line("Pair of = pair;");
            writer.Line("Group.Barrier();");
            using (writer.Open($"for (int i = 0; i < {PerWarp}; i++)"))
            {
                writer.Line($"""
                    float query = 0f;
                    if (of.Head < group && channels + lane < layer.HeadDim)
                        query = layer.Queries[((long)(from + of.Row) * layer.QueryHeads + firstQueryHead + of.Head) * layer.HeadDim + channels + lane];
                    staged[(warp * {PerWarp} + i) * 32 + lane] = query;
                    of = Next(of, rows);
                    """);
            }

            writer.Space();
            writer.Line("Group.Barrier();");
            writer.Line("int width = Math.Min(32, layer.HeadDim - channels), c = 0;");
            using (writer.Open("for (; c + 4 <= width; c += 4)"))
            {
                writer.Line("long at = key + (channels + c) * 32;");
                writer.Line("float k0 = layer.Keys[at], k1 = layer.Keys[at + 32], k2 = layer.Keys[at + 64], k3 = layer.Keys[at + 96];");
                writer.Line($"int quad = warp * {PerWarp * 8} + c / 4;");
                for (int i = 0; i < PerWarp; i++)
                    writer.Line($"Float4 q{i} = quads[quad + {i * 8}];\ndot{i} += q{i}.X * k0 + q{i}.Y * k1 + q{i}.Z * k2 + q{i}.W * k3;");
            }

            writer.Space();
            using (writer.Open("for (; c < width; c++)"))
            {
                writer.Line("float k = layer.Keys[key + (channels + c) * 32];");
                for (int i = 0; i < PerWarp; i++) writer.Line($"dot{i} += staged[(warp * {PerWarp} + {i}) * 32 + c] * k;");
            }
        }
    }

    private void Scale(string heads)
    {
        if (stage.Rows == Model.Rows.All && plan.Find("rows") is not null)
            writer.Line($"{stage.Name} *= observedRows == int.MaxValue ? {(stage.MeanOfHeads ? $"1f / {heads}" : "1f")} : 1f / {(stage.MeanOfHeads ? $"(used * {heads})" : "used")};");
        else if (stage.MeanOfRows && stage.MeanOfHeads) writer.Line($"{stage.Name} *= 1f / (used * {heads});");
        else if (stage.MeanOfRows || stage.MeanOfHeads) writer.Line($"{stage.Name} *= 1f / {(stage.MeanOfRows ? "used" : heads)};");
    }

    /// <summary>The helpers that all observations call.</summary>
    public static void Helpers(SourceWriter writer)
    {
        writer.Line("/// <summary>A query head of the group and one of its rows.</summary>");
        using (writer.Open("private struct Pair"))
        {
            writer.Line("public int Head;");
            writer.Line("public int Row;");
        }

        writer.Space();
        writer.Line("private static Pair Next(Pair pair, int rows)");
        using (writer.Indent()) writer.Line("=> unchecked(pair.Row + 1 < rows ? new Pair { Head = pair.Head, Row = pair.Row + 1 } : new Pair { Head = pair.Head + 1, Row = 0 });");
        writer.Space();
        writer.Line("/// <summary>A row's softmax for one key: exp(logit - log-sum-exp) where there is such a row and it sees the key, else 0.</summary>");
        using (writer.Open("private static float Probability(GpuLayer layer, float logit, int firstQueryHead, int from, int group, Pair pair, int position)"))
        using (writer.Open("unchecked"))
        {
            writer.Line("""
                int row = from + pair.Row, age = layer.FirstRowPosition + row - position;
                bool seen = pair.Head < group && age >= 0 && (layer.SlidingWindow == 0 || age < layer.SlidingWindow);
                return seen ? MathF.Exp(logit - layer.LogSumExp[(long)(firstQueryHead + pair.Head) * layer.Rows + row]) : 0f;
                """);
        }
    }
}
