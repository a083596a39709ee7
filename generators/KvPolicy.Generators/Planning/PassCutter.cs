using KvPolicy.Generators.Helpers;
using KvPolicy.Generators.Lowering;

namespace KvPolicy.Generators.Planning;

/// <summary>Cuts the part of a graph that some results need into passes.</summary>
internal sealed class PassCutter
{
    /// <param name="graph">The graph.</param>
    /// <param name="results">What must be computed.</param>
    public PassCutter(PolicyGraph graph, EquatableArray<int> results)
    {
        bool[] needed = Reach(graph, results);
        var pass = new int[graph.Nodes.Count];
        var tile = new List<int>();
        for (int i = 0; i < pass.Length; i++)
        {
            if (!needed[i]) continue;
            Node node = graph.Nodes[i];
            foreach (int input in node.Inputs) pass[i] = Math.Max(pass[i], pass[input] + (node.CrossesKeys ? 1 : 0));
            if (pass[i] == 0) tile.Add(i);
            Pools |= node is Window;
        }

        Tile = tile.ToEquatable();
    }

    /// <summary>Nodes that walk the key tiles together, in order.</summary>
    public EquatableArray<int> Tile { get; }

    /// <summary>True where neighbours meet after that walk.</summary>
    public bool Pools { get; }

    private static bool[] Reach(PolicyGraph graph, EquatableArray<int> results)
    {
        var needed = new bool[graph.Nodes.Count];
        foreach (int result in results) needed[result] = true;
        for (int i = needed.Length - 1; i >= 0; i--)
        {
            if (!needed[i]) continue;
            foreach (int input in graph.Nodes[i].Inputs) needed[input] = true;
        }

        return needed;
    }
}
