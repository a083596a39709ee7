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

    /// <summary>What heads have for themselves, and what a shared set has once a layer; of a set for each KV head the latter is nothing.</summary>
    public static (PlanCost OfHead, PlanCost OfLayer) Of(TilePass pass, KernelPlan plan)
        => pass.Scope == Scope.Head ? (Heads(pass, plan) + Once(pass), default) : (Heads(pass, plan), Once(pass));

    public static PlanCost operator +(PlanCost one, PlanCost other) => new(one.Bytes + other.Bytes, one.Dots + other.Dots, one.Flops + other.Flops, one.Integers + other.Integers);

    private static PlanCost Heads(TilePass pass, KernelPlan plan)
    {
        int bytes = 0, dots = 0, flops = 0;
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
            }
        }

        return new PlanCost(bytes, dots, flops, 0);
    }

    private static PlanCost Once(TilePass pass)
    {
        int draws = pass.Stages.Count(stage => stage is DrawStage), shots = pass.Stages.Count(stage => stage is DrawStage { OfShots: true }), states = pass.Stages.Count(stage => stage is StateStage);
        return new PlanCost((pass.ReadsPositions ? 4 : 0) + (4 * shots) + (8 * states), 0, draws + states, Hash * draws);
    }
}
