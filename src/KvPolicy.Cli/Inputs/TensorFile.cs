using KvPolicy.Cli.CommandLine;
using KvPolicy.Inference.Loading.Safetensors;

namespace KvPolicy.Cli.Inputs;

/// <summary>Tensors of attention layers from a safetensors file: <c>queries, keys, values</c>, and <c>shots, positions</c> where there are.</summary>
internal static class TensorFile
{
    private static readonly string[] Known = ["queries", "keys", "values", "shots", "positions"];

    /// <summary>Reads and checks a file.</summary>
    /// <exception cref="CommandException">A tensor is missing, unknown, of another type or of a shape that does not fit the others.</exception>
    internal static TensorInput Read(string path)
    {
        using var file = SafetensorsFile.Open(path);
        foreach (SafetensorsEntry entry in file.Entries)
        {
            if (!Known.Contains(entry.Name)) throw Refuse(path, entry.Name, $"is not known; the names are {string.Join(", ", Known)}");
        }

        (long[] queries, long[] keys, long[] values) = (Layered(file, "queries"), Layered(file, "keys"), Layered(file, "values"));
        if (!keys.SequenceEqual(values)) throw Refuse(path, "values", $"has shape {Show(values)}, but keys has {Show(keys)}; the two must agree");
        if (queries[0] != keys[0] || queries[2] != keys[2] || queries[3] != keys[3])
            throw Refuse(path, "queries", $"has shape {Show(queries)} and keys {Show(keys)}; layers, length and head size must agree");
        if (queries.Concat(keys).Any(n => n < 1)) throw Refuse(path, "queries", $"has shape {Show(queries)} and keys {Show(keys)}; no size may be 0");
        if (queries[1] % keys[1] != 0) throw Refuse(path, "queries", $"has {queries[1]} heads, which {keys[1]} KV heads cannot share evenly; make it a multiple");
        return new TensorInput
        {
            Layers = (int)keys[0],
            QueryHeads = (int)queries[1],
            KvHeads = (int)keys[1],
            Length = (int)keys[2],
            HeadDim = (int)keys[3],
            Queries = Finite(file, "queries"),
            Keys = Finite(file, "keys"),
            Values = Finite(file, "values"),
            Shots = Numbers(file, "shots", keys[2]),
            Positions = Numbers(file, "positions", keys[2]),
        };
    }

    /// <summary>[layers, heads, length, headDim]; a leading layer axis may be left out.</summary>
    private static long[] Layered(SafetensorsFile file, string name)
    {
        long[] shape = [.. file.Get(name).Shape];
        return shape.Length switch
        {
            3 => [1, .. shape],
            4 => shape,
            _ => throw Refuse(file.Path, name, $"has shape {Show(shape)}; it is [heads, length, headDim], with a leading layer axis where there are several layers"),
        };
    }

    private static float[] Finite(SafetensorsFile file, string name)
    {
        float[] numbers = file.ReadF32(name);
        int wrong = Array.FindIndex(numbers, n => !float.IsFinite(n));
        return wrong < 0 ? numbers : throw Refuse(file.Path, name, $"entry {wrong} of {numbers.Length} is not a finite number");
    }

    private static int[]? Numbers(SafetensorsFile file, string name, long length)
    {
        if (!file.TryGet(name, out SafetensorsEntry entry)) return null;
        if (entry.Shape is not [var only] || only != length) throw Refuse(file.Path, name, $"has shape {Show([.. entry.Shape])}; it is [{length}], a number for each token");
        int[] numbers = file.ReadI32(name);
        int least = name == "shots" ? -1 : 0;
        int wrong = Array.FindIndex(numbers, n => n < least);
        return wrong < 0 ? numbers : throw Refuse(file.Path, name, $"entry {wrong} is {numbers[wrong]}; the least allowed is {least}");
    }

    private static string Show(long[] shape) => $"[{string.Join(", ", shape)}]";

    private static CommandException Refuse(string path, string tensor, string problem) => new($"{path}: {tensor}: {problem}");
}
