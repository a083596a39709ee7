using KvPolicy.Generators.Helpers;
using KvPolicy.Generators.Lowering;
using KvPolicy.Generators.Model;
using KvPolicy.Generators.Planning;

namespace KvPolicy.Generators.Tests.Planning;

/// <summary>Graphs and passes of declarations made by hand: no compiler takes part.</summary>
public class PlannerTests
{
    private static readonly SignalParameter KeyNorm = new("keyNorm", Signal.KeyNorm, null);
    private static readonly SignalParameter Position = new("position", Signal.Position, null);
    private static readonly PrefillAxis Prefill = new(Generators.Model.Unit.Token, new BudgetModel(0.5m, null), null, null, null);
    private static readonly DecodeAxis Decode = new(Generators.Model.Unit.Token, new BudgetModel(null, null), Generators.Model.Base.Prompt);

    [Fact]
    public void Hooks_share_what_they_both_read()
    {
        PolicyModel model = Model(new AxesModel(Prefill, Decode, null, null, null, None), Hook("ScorePrefill", KeyNorm, Position), Hook("ScoreDecode", Position, KeyNorm));
        PolicyGraph graph = PolicyLowering.Lower(model);
        Assert.Single(graph.Nodes, node => node is Norm);
        Assert.Single(graph.Nodes, node => node is Load { Tensor: Tensor.Keys });
        Assert.Single(graph.Nodes, node => node is Load { Tensor: Tensor.Positions });
        Assert.Equal(2, graph.Nodes.Count(node => node is Map));
    }

    [Fact]
    public void Values_are_typed_by_what_they_range_over()
    {
        PolicyGraph graph = PolicyLowering.Lower(Model(new AxesModel(Prefill, null, null, null, null, None), Hook("Score", Attention(Generators.Model.Rows.Last, 8))));
        Assert.Equal(Rank.QueryHead | Rank.Query | Rank.Key, graph.Nodes.Single(node => node is Dot).Rank);
        Assert.Equal(Rank.QueryHead | Rank.Query | Rank.Key, graph.Nodes.Single(node => node is Normalize).Rank);
        Assert.Equal(Rank.QueryHead | Rank.Key, graph.Nodes.Single(node => node is ReduceRows).Rank);
        Assert.Equal(Rank.KvHead | Rank.Key, graph.Nodes.Single(node => node is ReduceHeads).Rank);
        Assert.Equal(Rank.KvHead | Rank.Key, graph.Nodes.Single(node => node is Map).Rank);

        PolicyGraph shared = PolicyLowering.Lower(Model(new AxesModel(Prefill, null, null, null, Layer, None), Hook("Score", Attention(Generators.Model.Rows.Last, 8))));
        Assert.Equal(Rank.Key, shared.Nodes.Single(node => node is ReduceHeads).Rank);
        Assert.Equal(Rank.Key, shared.Nodes.Single(node => node is Map).Rank);
    }

    [Fact]
    public void Inputs_come_before_what_reads_them()
    {
        PolicyGraph graph = PolicyLowering.Lower(Model(new AxesModel(Prefill, Decode, null, new PoolAxis(Generators.Model.Pooling.Max, 3), Layer, None), Hook("Score", Attention(Generators.Model.Rows.All, 0), KeyNorm)));
        for (int i = 0; i < graph.Nodes.Count; i++) Assert.All(graph.Nodes[i].Inputs, input => Assert.InRange(input, 0, i - 1));
    }

    [Fact]
    public void A_pass_ends_where_neighbours_or_ranks_are_read()
    {
        PolicyGraph graph = PolicyLowering.Lower(Model(new AxesModel(Prefill, null, null, new PoolAxis(Generators.Model.Pooling.Max, 3), null, None), Hook("Score", KeyNorm)));
        var cut = new PassCutter(graph, graph.Prefill);
        Assert.True(cut.Pools);
        Assert.Equal(new[] { typeof(Load), typeof(Norm), typeof(Map) }, cut.Tile.Select(node => graph.Nodes[node].GetType()));
    }

    [Fact]
    public void What_no_result_needs_is_in_no_pass()
    {
        PolicyModel model = Model(new AxesModel(Prefill, Decode, null, null, null, None), Hook("ScorePrefill", KeyNorm), Hook("ScoreDecode", Position));
        KernelPlan plan = Planner.Plan(model).Plan!;
        Assert.Equal(new[] { typeof(NormStage), typeof(HookStage) }, plan.Prefill!.Stages.Select(stage => stage.GetType()));
        Assert.Equal(new[] { typeof(HookStage) }, plan.Decode!.Stages.Select(stage => stage.GetType()));
        Assert.True(plan.Prefill.ReadsKeys && !plan.Prefill.ReadsValues && !plan.Prefill.HasState && !plan.Decode.ReadsKeys);
    }

    [Fact]
    public void Loop_nests_are_fused_in_the_order_of_the_words()
    {
        KernelPlan plan = Planner.Plan(Model(new AxesModel(Prefill, Decode, null, null, Layer, None), Hook("Score", Attention(Generators.Model.Rows.All, 0)))).Plan!;
        Assert.Equal([new ObserveStage("attention", Generators.Model.Rows.All, false, false), new StateStage("sum", "attention", false)], plan.Prefill!.Stages.Take(2));
        Assert.Equal([new ProbabilityStage("attention", false), new StateStage("sum", "attention", false)], plan.Decode!.Stages.Take(2));
        Assert.Equal(new HookArgument.OfStage("sum"), Assert.Single(plan.Decode.Hook!.Arguments));
    }

    [Fact]
    public void One_draw_is_shared_and_reads_no_key()
    {
        var random = new SignalParameter("random", Signal.Random, null);
        KernelPlan plan = Planner.Plan(Model(new AxesModel(Prefill, Decode, null, null, null, None), Hook("ScorePrefill", random, Position), Hook("ScoreDecode", random))).Plan!;
        PolicyGraph graph = PolicyLowering.Lower(plan.Model);
        Draw draw = Assert.IsType<Draw>(Assert.Single(graph.Nodes, node => node is Draw));
        Assert.Equal(Rank.KvHead | Rank.Key, draw.Rank);
        Assert.Single(graph.Nodes, node => node is Load { Tensor: Tensor.Positions });
        Assert.Equal(new DrawStage("random", Generators.Model.Scope.Head, false), plan.Decode!.Stages[0]);
        Assert.True(plan.Prefill!.ReadsPositions && !plan.Prefill.ReadsKeys && !plan.Prefill.ReadsValues && !plan.Prefill.HasState);
        Assert.Equal((new PlanCost(4, 0, 1, 19), default), PlanCost.Of(plan.Prefill, plan));
        Assert.Equal("0", plan.Find("seed")!.Default);
    }

    [Fact]
    public void Draws_of_other_scopes_and_units_are_other_numbers()
    {
        SignalParameter Random(DrawAxis? draw) => new("random", Signal.Random, null, draw);
        PrefillAxis shots = Prefill with { Unit = Generators.Model.Unit.Shot };
        var ofShots = new DrawAxis(Generators.Model.Scope.Model, Generators.Model.Unit.Shot);
        KernelPlan plan = Planner.Plan(Model(new AxesModel(shots, Decode, null, null, Layer, None), Hook("ScorePrefill", Random(ofShots)), Hook("ScoreDecode", Random(null)))).Plan!;
        Assert.Equal(new DrawStage("random", Generators.Model.Scope.Model, true), plan.Prefill!.Stages[0]);
        Assert.Equal(new DrawStage("random", Generators.Model.Scope.Head, false), plan.Decode!.Stages[0]);
        Assert.Equal((default, new PlanCost(8, 0, 1, 19)), PlanCost.Of(plan.Prefill, plan));
        Assert.Equal(Rank.Key, PolicyLowering.Lower(plan.Model).Nodes.First(node => node is Draw).Rank);
    }

    [Fact]
    public void Numbers_of_the_walk_are_no_stage()
    {
        SignalParameter[] numbers = [new("layer", Signal.Layer, null), new("layers", Signal.Layers, null), new("head", Signal.Head, null)];
        KernelPlan plan = Planner.Plan(Model(new AxesModel(Prefill, null, null, null, null, None), Hook("Score", numbers))).Plan!;
        HookStage hook = Assert.IsType<HookStage>(Assert.Single(plan.Prefill!.Stages));
        Assert.Equal(new HookArgument[] { new HookArgument.Layer(), new HookArgument.Layers(), new HookArgument.Head() }, hook.Arguments);
        Assert.Null(plan.Find("seed"));
    }

    [Fact]
    public void A_shared_set_has_its_state_once_a_layer()
    {
        var all = Attention(Generators.Model.Rows.All, 0);
        KernelPlan heads = Planner.Plan(Model(new AxesModel(Prefill, Decode, null, null, null, None), Hook("Score", all))).Plan!;
        KernelPlan layer = Planner.Plan(Model(new AxesModel(Prefill, Decode, null, null, Layer, None), Hook("Score", all))).Plan!;
        Assert.Equal((new PlanCost(20, 0, 4, 0), default), PlanCost.Of(heads.Decode!, heads));
        Assert.Equal((new PlanCost(12, 0, 3, 0), new PlanCost(8, 0, 1, 0)), PlanCost.Of(layer.Decode!, layer));
    }

    [Fact]
    public void A_policy_without_axes_has_no_pass_and_no_number()
    {
        KernelPlan plan = Planner.Plan(Model(new AxesModel(null, null, null, null, null, None))).Plan!;
        Assert.Null(plan.Prefill);
        Assert.Null(plan.Pool);
        Assert.Null(plan.Decode);
        Assert.Empty(plan.Settings);
    }

    private static ProtectAxis None => new(0, null, null);

    private static ShareAxis Layer => new(Generators.Model.Scope.Layer, Generators.Model.Reduce.Sum);

    private static SignalParameter Attention(Generators.Model.Rows rows, int count) => new("attention", Signal.Attention, new ObserveAxis(rows, count, Generators.Model.Reduce.Default));

    private static HookModel Hook(string name, params HookParameter[] parameters) => new(name, parameters.ToEquatable());

    private static PolicyModel Model(AxesModel axes, params HookModel[] hooks)
        => new(new TypeModel("N", default, "P"), new DocumentationModel("", "", ""), axes, hooks.ToEquatable());
}
