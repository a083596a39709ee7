using KvPolicy.Generators.Helpers;
using KvPolicy.Generators.Lowering;
using KvPolicy.Generators.Model;

namespace KvPolicy.Generators.Planning;

/// <summary>What planning gives: a plan, or why not.</summary>
internal sealed record PlanResult(KernelPlan? Plan, EquatableArray<Fault> Faults);

/// <summary>
/// Turns the graph into passes: nodes that walk the same key tile are fused into one pass, a node that reads other keys' values starts the
/// next. Within a pass, nodes become loop nests (stages). What no result reaches is never planned.
/// </summary>
internal static class Planner
{
    public static PlanResult Plan(PolicyModel model)
    {
        EquatableArray<Fault> faults = AxisRules.Check(model).ToEquatable();
        if (faults.Count > 0) return new PlanResult(null, faults);
        PolicyGraph graph = PolicyLowering.Lower(model);
        var prefill = new PassCutter(graph, graph.Prefill);
        var decode = new PassCutter(graph, graph.Decode);
        var plan = new KernelPlan(
            model,
            SettingsOf.Policy(model),
            StageFuser.Fuse(graph, prefill.Tile, Phase.Prefill, model),
            prefill.Pools ? new PoolPass() : null,
            StageFuser.Fuse(graph, decode.Tile, Phase.Decode, model));
        return new PlanResult(plan, default);
    }
}
