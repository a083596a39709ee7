using KvPolicy.Inference.Models;

namespace KvPolicy.Inference.Loading;

/// <summary>A tensor as a file lists it: its range is inside the mapping, its shape not yet compared with the model's numbers.</summary>
/// <param name="File">Where it lies, for messages.</param>
/// <param name="Tensor">Rows and columns as stored; more than two dimensions are folded into the rows.</param>
/// <param name="Shape">As written, outputs first.</param>
internal sealed record ListedTensor(string File, ModelTensor Tensor, IReadOnlyList<long> Shape)
{
    internal string ShapeText => "[" + string.Join(", ", Shape) + "]";
}

/// <summary>
/// All tensors of a model by name, whichever files they lie in. Remembers what was taken, so that what nobody understands is refused.
/// </summary>
internal sealed class TensorTable(string source)
{
    private readonly Dictionary<string, ListedTensor> _tensors = new(StringComparer.Ordinal);
    private readonly HashSet<string> _taken = new(StringComparer.Ordinal);

    internal int Count => _tensors.Count;

    internal bool Has(string name) => _tensors.ContainsKey(name);

    internal void Add(ListedTensor tensor)
    {
        if (_tensors.TryAdd(tensor.Tensor.Name, tensor)) return;
        throw LoadError.Damaged(tensor.File, tensor.Tensor.Name, "the tensor stands in two files");
    }

    /// <summary>A vector of the given length.</summary>
    internal ModelTensor Vector(string name, long length) => Take(name, [length]);

    /// <summary>A matrix of outputs and inputs.</summary>
    internal ModelTensor Matrix(string name, long rows, long columns) => Take(name, [rows, columns]);

    /// <summary>A vector, or null where the model has none of this name.</summary>
    internal ModelTensor? OptionalVector(string name, long length) => Has(name) ? Vector(name, length) : null;

    /// <summary>Rows and columns of a matrix that the caller will take later.</summary>
    internal IReadOnlyList<long> ShapeOf(string name) => Find(name).Shape;

    /// <summary>A tensor that nobody took would be ignored: refuse it by name, unless it is known to be of no effect.</summary>
    internal void RefuseLeftOvers(Func<string, bool> harmless)
    {
        foreach ((string name, ListedTensor tensor) in _tensors)
        {
            if (_taken.Contains(name) || harmless(name)) continue;
            throw LoadError.Of(tensor.File, name, $"a tensor {tensor.ShapeText} that the engine does not know for this architecture",
                "use a model without it");
        }
    }

    private ModelTensor Take(string name, long[] shape)
    {
        ListedTensor found = Find(name);
        if (!SameShape(found.Shape, shape))
        {
            string wanted = "[" + string.Join(", ", shape) + "]";
            throw LoadError.Damaged(found.File, name, $"has the shape {found.ShapeText}, but the model's numbers ask for {wanted}");
        }
        _taken.Add(name);
        return found.Tensor;
    }

    private ListedTensor Find(string name) => _tensors.TryGetValue(name, out ListedTensor? found)
        ? found
        : throw LoadError.Of(source, name, "the tensor is missing", "fetch or convert the whole model again");

    // Some writers pad shapes with ones: [n, 1] is the vector [n].
    private static bool SameShape(IReadOnlyList<long> found, long[] wanted)
    {
        int extra = 0;
        while (found.Count - extra > wanted.Length && found[extra] == 1) extra++;
        return found.Count - extra == wanted.Length && wanted.SequenceEqual(found.Skip(extra));
    }
}
