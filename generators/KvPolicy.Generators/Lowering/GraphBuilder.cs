using KvPolicy.Generators.Helpers;

namespace KvPolicy.Generators.Lowering;

/// <summary>Collects nodes; an equal node is added once, so that hooks share what they read.</summary>
internal sealed class GraphBuilder
{
    private readonly List<Node> _nodes = [];
    private readonly Dictionary<Node, int> _numbers = [];

    public int Add(Node node)
    {
        if (_numbers.TryGetValue(node, out int number)) return number;
        _numbers[node] = _nodes.Count;
        _nodes.Add(node);
        return _nodes.Count - 1;
    }

    public Rank RankOf(int node) => _nodes[node].Rank;

    public EquatableArray<Node> Nodes => _nodes.ToEquatable();
}
