using KvPolicy.Generators.Helpers;
using KvPolicy.Generators.Lowering;
using KvPolicy.Generators.Model;
using KvPolicy.Generators.Parsing;

namespace KvPolicy.Generators.Planning;

/// <summary>
/// Fuses the nodes of one walk into loop nests. A node that ranges over queries, channels or several heads never becomes a value of its own:
/// it is the body of the nest whose reduction ends it.
/// </summary>
internal sealed class StageFuser
{
    private readonly PolicyGraph _graph;
    private readonly PolicyModel _model;
    private readonly Phase _phase;
    private readonly List<Stage> _stages = [];
    private readonly Dictionary<int, string> _names = [];

    private StageFuser(PolicyGraph graph, PolicyModel model, Phase phase) => (_graph, _model, _phase) = (graph, model, phase);

    public static TilePass? Fuse(PolicyGraph graph, EquatableArray<int> nodes, Phase phase, PolicyModel model)
    {
        if (nodes.Count == 0) return null;
        var fuser = new StageFuser(graph, model, phase);
        foreach (int node in nodes) fuser.Visit(node);
        return new TilePass(phase, model.Axes.Scope, fuser._stages.ToEquatable());
    }

    // Where the instance may observe fewer rows than all, their mean needs neither state nor division.
    private bool OnlyWhenAll => _phase == Phase.Prefill && SettingsOf.OffersRows(_model);

    private void Visit(int number)
    {
        switch (_graph.Nodes[number])
        {
            case ReduceHeads heads:
                Add(number, Nest(heads.Input, heads.How == Reduce.Mean));
                break;
            // Without a reduction over heads, a norm is a value of its own.
            case Norm norm when _model.Axes.Scope == Scope.Head:
                Add(number, NormOf(norm, meanOfHeads: true));
                break;
            case Draw draw:
                Add(number, new DrawStage(Unused("random"), draw.Scope, _graph.Nodes[draw.Index] is Load { Tensor: Tensor.Shots }));
                break;
            case State state:
                Add(number, new StateStage(Unused("sum"), _names[state.Input], OnlyWhenAll));
                break;
            case PerQuery perQuery:
                Add(number, new PerQueryStage(Unused("meanAttention"), _names[perQuery.Input], OnlyWhenAll));
                break;
            case Map map:
                Add(number, new HookStage(map.Hook, map.Arguments.Select(Argument).ToEquatable()));
                break;
        }
    }

    private Stage Nest(int input, bool meanOfHeads) => _graph.Nodes[input] switch
    {
        ReduceRows rows => new ObserveStage(Unused("attention"), rows.Rows, rows.How == Reduce.Mean, meanOfHeads),
        Load { Tensor: Tensor.Probabilities } => new ProbabilityStage(Unused("attention"), meanOfHeads),
        Norm norm => NormOf(norm, meanOfHeads),
        Node other => throw new InvalidOperationException($"No loop nest for a reduction over heads of {other}."),
    };

    private NormStage NormOf(Norm norm, bool meanOfHeads)
    {
        bool ofValues = _graph.Nodes[norm.Input] is Load { Tensor: Tensor.Values };
        return new NormStage(Unused(Signals.NameOf(ofValues ? Signal.ValueNorm : Signal.KeyNorm)), ofValues, meanOfHeads);
    }

    private HookArgument Argument(MapArgument argument) => argument switch
    {
        MapArgument.Number number => new HookArgument.Number(number.Name, _model.Hooks.SelectMany(hook => hook.HyperParameters).First(known => known.Name == number.Name).IsInteger),
        MapArgument.Value value => _graph.Nodes[value.Node] switch
        {
            Load { Tensor: Tensor.Positions } => new HookArgument.Position(),
            Load { Tensor: Tensor.Length } => new HookArgument.Length(),
            Load { Tensor: Tensor.Layer } => new HookArgument.Layer(),
            Load { Tensor: Tensor.Layers } => new HookArgument.Layers(),
            Load { Tensor: Tensor.Head } => new HookArgument.Head(),
            _ => new HookArgument.OfStage(_names[value.Node]),
        },
        _ => throw new InvalidOperationException($"No argument for {argument}."),
    };

    private void Add(int node, Stage stage)
    {
        _names[node] = stage.Name;
        _stages.Add(stage);
    }

    private string Unused(string name)
    {
        int count = _stages.Count(stage => stage.Name.StartsWith(name, StringComparison.Ordinal));
        return count == 0 ? name : name + Literal.Text(count + 1);
    }
}
