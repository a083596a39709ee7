using KvPolicy.Generators.Helpers;
using KvPolicy.Generators.Model;

namespace KvPolicy.Generators.Lowering;

/// <summary>
/// Turns a declaration into the graph of what it computes, in the order that the words have: softmax over all visible keys, rows, heads,
/// hook, pool, select. The declaration must have passed <see cref="Planning.AxisRules"/>.
/// </summary>
internal static class PolicyLowering
{
    private const Rank PerKvHead = Rank.Key | Rank.KvHead;

    public static PolicyGraph Lower(PolicyModel model)
    {
        var builder = new GraphBuilder();
        var prefill = new List<int>();
        var decode = new List<int>();
        if (model.Axes.Prefill is { } axis && model.HookOf(Phase.Prefill) is { } atPrefill)
        {
            int score = Call(builder, model, atPrefill, Phase.Prefill);
            if (model.Axes.Pool is not null) score = builder.Add(new Window(score, builder.RankOf(score)));
            prefill.Add(builder.Add(new Select(score, axis.Unit, builder.RankOf(score))));
        }

        // A running sum that decoding goes on with starts with the prompt's queries.
        if (model.SumsWhileDecoding) prefill.Add(Sum(builder, model, Phase.Prefill));
        if (model.Axes.Decode is { } steps && model.HookOf(Phase.Decode) is { } whileDecoding)
        {
            int score = Call(builder, model, whileDecoding, Phase.Decode);
            decode.Add(builder.Add(new Select(score, steps.Unit, builder.RankOf(score))));
        }

        return new PolicyGraph(builder.Nodes, prefill.ToEquatable(), decode.ToEquatable());
    }

    private static int Call(GraphBuilder builder, PolicyModel model, HookModel hook, Phase phase)
    {
        var arguments = new List<MapArgument>();
        foreach (HookParameter parameter in hook.Parameters)
        {
            arguments.Add(parameter is SignalParameter signal
                ? new MapArgument.Value(Read(builder, model, hook, signal.Signal, phase))
                : new MapArgument.Number(parameter.Name));
        }

        return builder.Add(new Map(hook.Name, arguments.ToEquatable(), Shared(model, PerKvHead)));
    }

    private static int Read(GraphBuilder builder, PolicyModel model, HookModel hook, Signal signal, Phase phase) => signal switch
    {
        Signal.Attention => Attention(builder, model, model.ObserveOf(hook)!, phase),
        Signal.KeyNorm => Norm(builder, model, Tensor.Keys),
        Signal.ValueNorm => Norm(builder, model, Tensor.Values),
        Signal.Position => builder.Add(new Load(Tensor.Positions, Shared(model, PerKvHead))),
        Signal.Random => Random(builder, model, hook.Draw!),
        Signal.Layer => builder.Add(new Load(Tensor.Layer, Rank.Scalar)),
        Signal.Layers => builder.Add(new Load(Tensor.Layers, Rank.Scalar)),
        Signal.Head => builder.Add(new Load(Tensor.Head, Shared(model, Rank.KvHead))),
        _ => builder.Add(new Load(Tensor.Length, Rank.Scalar)),
    };

    private static int Attention(GraphBuilder builder, PolicyModel model, ObserveAxis observe, Phase phase)
    {
        if (observe.Rows != Rows.All) return Heads(builder, model, OfRows(builder, observe, phase));
        int sum = Sum(builder, model, phase);
        return observe.Reduce == Reduce.Mean ? builder.Add(new PerQuery(sum, builder.RankOf(sum))) : sum;
    }

    private static int Sum(GraphBuilder builder, PolicyModel model, Phase phase)
    {
        int call = Heads(builder, model, OfRows(builder, new ObserveAxis(Rows.All, 0, Reduce.Sum), phase));
        return builder.Add(new State(call, builder.RankOf(call)));
    }

    private static int OfRows(GraphBuilder builder, ObserveAxis observe, Phase phase)
    {
        // While decoding there is one row, and the attention itself has its probabilities.
        if (phase == Phase.Decode) return builder.Add(new Load(Tensor.Probabilities, Rank.QueryHead | Rank.Key));
        int keys = builder.Add(new Load(Tensor.Keys, PerKvHead | Rank.Channel));
        int queries = builder.Add(new Load(Tensor.Queries, Rank.QueryHead | Rank.Query | Rank.Channel));
        int lse = builder.Add(new Load(Tensor.LogSumExp, Rank.QueryHead | Rank.Query));
        int logits = builder.Add(new Dot(keys, queries, Rank.QueryHead | Rank.Query | Rank.Key));
        int mass = builder.Add(new Normalize(logits, lse, builder.RankOf(logits)));
        Reduce how = observe.Reduce != Reduce.Default ? observe.Reduce : observe.Rows == Rows.Last ? Reduce.Mean : Reduce.Sum;
        return builder.Add(new ReduceRows(mass, observe.Rows, how, Rank.QueryHead | Rank.Key));
    }

    private static int Random(GraphBuilder builder, PolicyModel model, DrawAxis draw)
    {
        // What one shot has, its tokens have alike, whoever holds them.
        int index = builder.Add(new Load(draw.Unit == Unit.Shot ? Tensor.Shots : Tensor.Positions, Shared(model, PerKvHead)));
        return builder.Add(new Draw(index, draw.Scope, builder.RankOf(index)));
    }

    private static int Norm(GraphBuilder builder, PolicyModel model, Tensor tensor)
    {
        int norm = builder.Add(new Norm(builder.Add(new Load(tensor, PerKvHead | Rank.Channel)), PerKvHead));
        return model.Axes.Scope == Scope.Head ? norm : Heads(builder, model, norm);
    }

    private static int Heads(GraphBuilder builder, PolicyModel model, int input)
    {
        Scope scope = model.Axes.Scope;
        Reduce how = scope == Scope.Head ? Reduce.Mean : model.Axes.Share!.Reduce == Reduce.Mean ? Reduce.Mean : Reduce.Sum;
        return builder.Add(new ReduceHeads(input, how, scope, Shared(model, PerKvHead)));
    }

    private static Rank Shared(PolicyModel model, Rank rank) => model.Axes.Scope == Scope.Head ? rank : rank & ~(Rank.KvHead | Rank.QueryHead);
}
