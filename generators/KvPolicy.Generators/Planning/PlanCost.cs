using KvPolicy.Generators.Model;

namespace KvPolicy.Generators.Planning;

/// <summary>What a walk over the tiles costs, for the example shape that readable plans name.</summary>
/// <param name="Bytes">Bytes read per key and KV head.</param>
/// <param name="Dots">Dot products per key and KV head.</param>
/// <param name="Flops">Floating-point operations per key and KV head.</param>
/// <param name="Integers">Integer operations per key and KV head.</param>
internal readonly record struct PlanCost(int Bytes, int Dots, int Flops, int Integers)
{
    // Two mixings of eight, what each takes in, and the cut to 24 bits.
    private const int Hash = 19;

    /// <summary>Head size of the example.</summary>
    public const int HeadDim = 64;

    /// <summary>Query heads of a KV head in the example.</summary>
    public const int Group = 3;

    /// <summary>Prompt of the example, where all its queries are observed.</summary>
    public const int Prompt = 4096;

    public static PlanCost Of(TilePass pass, KernelPlan plan)
    {
        int bytes = 0, dots = 0, flops = 0, integers = 0;
        if (pass.ReadsKeys) bytes += 4 * HeadDim;
        if (pass.ReadsValues) bytes += 4 * HeadDim;
        foreach (Stage stage in pass.Stages)
        {
            switch (stage)
            {
                case ObserveStage observe:
                    // A causal prompt shows a key half of its queries, on average.
                    int rows = observe.Rows == Rows.All ? Prompt / 2 : plan.Model.ObserveOf(plan.Model.HookOf(Phase.Prefill)!)!.Count;
                    dots += rows * Group;
                    flops += rows * Group * ((2 * HeadDim) + 1);
                    break;
                case ProbabilityStage:
                    bytes += 4 * Group;
                    flops += Group;
                    break;
                case NormStage:
                    flops += 2 * HeadDim;
                    break;
                case DrawStage draw:
                    if (draw.OfShots) bytes += 4;
                    integers += Hash;
                    flops++;
                    break;
                case StateStage:
                    bytes += 8;
                    flops++;
                    break;
            }
        }

        if (pass.ReadsPositions) bytes += 4;
        return new PlanCost(bytes, dots, flops, integers);
    }
}
