using KvPolicy.Generators.Helpers;
using KvPolicy.Generators.Model;
using KvPolicy.Generators.Planning;

namespace KvPolicy.Generators.Emission;

/// <summary>A parameter of a kernel that the launch hands over.</summary>
internal readonly record struct GpuView(string Type, string Name);

/// <summary>One kernel of a policy: its signature, its launch, and what writes its body.</summary>
/// <param name="Name">Score, Pool or Decode.</param>
/// <param name="Pass">The pass over tiles that it is, or null.</param>
/// <param name="Views">What the launch hands over.</param>
/// <param name="Arguments">Numbers of the instance.</param>
/// <param name="GroupSize">Threads of a group.</param>
/// <param name="GridX">Groups along x, as C#.</param>
/// <param name="GridY">Groups along y, as C#.</param>
/// <param name="Mapping">Thread mapping in one line.</param>
/// <param name="Summary">Summary of the method.</param>
/// <param name="Body">Writes the statements.</param>
internal sealed record GpuKernelModel(
    string Name, TilePass? Pass, GpuView[] Views, PassArgument[] Arguments, int GroupSize, string GridX, string GridY, string Mapping, string Summary, Action<SourceWriter> Body)
{
    /// <summary>Threads of a group: four warps.</summary>
    public const int Threads = 128;

    public string Field => char.ToLowerInvariant(Name[0]) + Name.Substring(1);

    public static IEnumerable<GpuKernelModel> Of(KernelPlan plan)
    {
        if (plan.Prefill is { } prefill) yield return Tile(plan, prefill, "Score");
        if (plan.Pool is not null) yield return Pool();
        if (plan.Decode is { } decode) yield return Tile(plan, decode, "Decode");
    }

    private static GpuKernelModel Tile(KernelPlan plan, TilePass pass, string name)
    {
        GpuView[] views = [new("GpuLayer", "layer"), new("ArrayView<float>", "scores")];
        PassArgument[] arguments = [.. PassArguments.Of(plan, pass, withPool: false)];
        // Observed rows are shared out among the warps of one tile; without them a warp has its own tile.
        bool observes = pass.Observations.Any();
        string heads = pass.Scope == Scope.Head ? "layer.KvHeads" : "1", head = pass.Scope == Scope.Head ? "KV head" : "layer";
        string mapping = observes ? $"one group a tile of 32 keys and {head}: lane = key, its four warps share the observed rows" : $"one warp a tile of 32 keys and {head}: lane = key";
        string score = pass.Hook is { } hook ? $"scores by <see cref=\"Policy.{hook.Hook}\"/>" : "sums of attention";
        return new GpuKernelModel(
            name, pass, views, arguments, Threads, observes ? "(layer.MaxHeld + 31) / 32" : $"(layer.MaxHeld + {Literal.Text(Threads - 1)}) / {Literal.Text(Threads)}", heads,
            mapping, $"{char.ToUpperInvariant(mapping[0])}{mapping.Substring(1)}; {score}.", writer => new GpuTileWriter(writer, plan, pass).Write());
    }

    private static GpuKernelModel Pool()
    {
        GpuView[] views = [new("ArrayView<float>", "scores"), new("ArrayView<float>", "pooled"), new("int", "stride"), new("int", "first"), new("int", "count")];
        PassArgument[] arguments = [new("int", "pool", "Pool"), new("int", "pooling", "(int)Pooling")];
        return new GpuKernelModel(
            "Pool", null, views, arguments, Threads, $"(count + {Literal.Text(Threads - 1)}) / {Literal.Text(Threads)}", "heads", "one thread a competing key and head",
            "One thread a competing key and head: it meets its neighbours, zeros (average) or nothing (max) beyond the ends.", PoolBody);
    }

    private static void PoolBody(SourceWriter writer) => writer.Line($$"""
        const int Average = {{Literal.Text((int)Pooling.Average)}};
        int key = Grid.IdxX * Group.DimX + Group.IdxX;
        if (key >= count) return;
        long start = (long)Grid.IdxY * stride + first;
        int from = Math.Max(0, key - pool / 2), to = Math.Min(count - 1, key + pool / 2);
        float sum = 0f, most = float.NegativeInfinity;
        for (int neighbour = from; neighbour <= to; neighbour++)
        {
            float score = scores[start + neighbour];
            sum += score;
            most = Math.Max(most, score);
        }

        pooled[start + key] = pooling == Average ? sum / pool : most;
        """);
}
