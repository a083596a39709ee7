using KvPolicy.Generators.Helpers;
using KvPolicy.Generators.Model;

namespace KvPolicy.Generators.Lowering;

/// <summary>What a value ranges over: its type in the graph.</summary>
[Flags]
internal enum Rank
{
    Scalar = 0,
    QueryHead = 1,
    KvHead = 2,
    Query = 4,
    Key = 8,
    Channel = 16,
}

/// <summary>Tensors that the runtime holds ready.</summary>
internal enum Tensor { Keys, Values, Queries, LogSumExp, Probabilities, Positions, Shots, Length, Layer, Layers, Head }

/// <summary>
/// A value of the graph. Inputs are numbers of earlier nodes, so the order of the list is an order of evaluation and equal nodes are one.
/// </summary>
/// <param name="Rank">What it ranges over.</param>
internal abstract record Node(Rank Rank)
{
    /// <summary>Numbers of the nodes that it reads.</summary>
    public abstract IEnumerable<int> Inputs { get; }

    /// <summary>True where a key's value reads other keys' inputs: the pass ends before it.</summary>
    public virtual bool CrossesKeys => false;
}

/// <summary>A tensor.</summary>
internal sealed record Load(Tensor Tensor, Rank Rank) : Node(Rank)
{
    public override IEnumerable<int> Inputs => [];
}

/// <summary>Scaled product over channels.</summary>
internal sealed record Dot(int Left, int Right, Rank Rank) : Node(Rank)
{
    public override IEnumerable<int> Inputs => [Left, Right];
}

/// <summary>exp(logit - log-sum-exp): a row's softmax, for the keys that the row sees.</summary>
internal sealed record Normalize(int Logits, int LogSumExp, Rank Rank) : Node(Rank)
{
    public override IEnumerable<int> Inputs => [Logits, LogSumExp];
}

/// <summary>Euclidean norm over channels.</summary>
internal sealed record Norm(int Input, Rank Rank) : Node(Rank)
{
    public override IEnumerable<int> Inputs => [Input];
}

/// <summary>A number in [0, 1) that a hash draws for each index.</summary>
/// <param name="Index">Positions, or shots.</param>
/// <param name="Scope">Who draws the same.</param>
/// <param name="Rank">What it ranges over.</param>
internal sealed record Draw(int Index, Scope Scope, Rank Rank) : Node(Rank)
{
    public override IEnumerable<int> Inputs => [Index];
}

/// <summary>Rows become one value.</summary>
internal sealed record ReduceRows(int Input, Rows Rows, Reduce How, Rank Rank) : Node(Rank)
{
    public override IEnumerable<int> Inputs => [Input];
}

/// <summary>Heads become one value: those of a query group, or all of a layer.</summary>
internal sealed record ReduceHeads(int Input, Reduce How, Scope Within, Rank Rank) : Node(Rank)
{
    public override IEnumerable<int> Inputs => [Input];
}

/// <summary>A running sum that lives with its key, this call's input added.</summary>
internal sealed record State(int Input, Rank Rank) : Node(Rank)
{
    public override IEnumerable<int> Inputs => [Input];
}

/// <summary>A value divided by the number of queries so far.</summary>
internal sealed record PerQuery(int Input, Rank Rank) : Node(Rank)
{
    public override IEnumerable<int> Inputs => [Input];
}

/// <summary>The author's function of one key.</summary>
/// <param name="Hook">Its name.</param>
/// <param name="Arguments">In the order of its parameters.</param>
/// <param name="Rank">What it ranges over.</param>
internal sealed record Map(string Hook, EquatableArray<MapArgument> Arguments, Rank Rank) : Node(Rank)
{
    public override IEnumerable<int> Inputs => Arguments.OfType<MapArgument.Value>().Select(value => value.Node);
}

/// <summary>An argument of a hook.</summary>
internal abstract record MapArgument
{
    /// <summary>A node's value.</summary>
    public sealed record Value(int Node) : MapArgument;

    /// <summary>A number of the policy, given to the kernel as a uniform argument.</summary>
    public sealed record Number(string Name) : MapArgument;
}

/// <summary>Competing neighbours meet.</summary>
internal sealed record Window(int Input, Rank Rank) : Node(Rank)
{
    public override IEnumerable<int> Inputs => [Input];

    public override bool CrossesKeys => true;
}

/// <summary>What stays.</summary>
internal sealed record Select(int Input, Unit Unit, Rank Rank) : Node(Rank)
{
    public override IEnumerable<int> Inputs => [Input];

    public override bool CrossesKeys => true;
}

/// <summary>What a policy computes: a graph of values typed by rank.</summary>
/// <param name="Nodes">In an order of evaluation.</param>
/// <param name="Prefill">Results after the prefill: the selection and state that must be kept up, or none.</param>
/// <param name="Decode">Results of a decode step.</param>
internal sealed record PolicyGraph(EquatableArray<Node> Nodes, EquatableArray<int> Prefill, EquatableArray<int> Decode);
