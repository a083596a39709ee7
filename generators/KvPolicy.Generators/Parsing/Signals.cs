using KvPolicy.Generators.Model;

namespace KvPolicy.Generators.Parsing;

/// <summary>The signals that a hook's parameters can name.</summary>
internal static class Signals
{
    private static readonly (string Name, Signal Signal, bool IsInteger)[] Table =
    [
        ("attention", Signal.Attention, false),
        ("keyNorm", Signal.KeyNorm, false),
        ("valueNorm", Signal.ValueNorm, false),
        ("position", Signal.Position, true),
        ("length", Signal.Length, true),
        ("layer", Signal.Layer, true),
        ("layers", Signal.Layers, true),
        ("head", Signal.Head, true),
        ("random", Signal.Random, false),
    ];

    /// <summary>All names, for messages.</summary>
    public static string Names => string.Join(", ", Table.Select(row => row.Name));

    public static bool TryFind(string name, out Signal signal, out bool isInteger)
    {
        foreach ((string known, Signal value, bool integer) in Table)
        {
            if (known != name) continue;
            (signal, isInteger) = (value, integer);
            return true;
        }

        (signal, isInteger) = (default, false);
        return false;
    }

    public static string NameOf(Signal signal) => Table.First(row => row.Signal == signal).Name;
}
