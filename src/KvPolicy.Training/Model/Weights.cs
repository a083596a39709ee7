using TorchSharp;
using static TorchSharp.torch;

namespace KvPolicy.Training.Model;

/// <summary>The parameters as tensors, f32, in the order of their specs.</summary>
internal sealed class Weights : IDisposable
{
    private readonly Dictionary<string, Tensor> _byName = [];

    /// <param name="vocabulary">Rows of embedding and head.</param>
    /// <param name="values">Values by name, row-major.</param>
    /// <param name="trainable">Whether gradients are asked for.</param>
    internal Weights(int vocabulary, IReadOnlyDictionary<string, float[]> values, bool trainable)
    {
        Specs = ParameterSpec.All(vocabulary);
        foreach (ParameterSpec spec in Specs)
        {
            Tensor tensor = torch.tensor(values[spec.Name], spec.Shape);
            tensor.requires_grad = trainable;
            _byName.Add(spec.Name, tensor);
        }
    }

    internal IReadOnlyList<ParameterSpec> Specs { get; }

    internal IReadOnlyList<Tensor> Tensors => [.. Specs.Select(spec => _byName[spec.Name])];

    internal Tensor this[string name] => _byName[name];

    internal Tensor InLayer(int layer, string part) => _byName[ParameterSpec.InLayer(layer, part)];

    /// <summary>Copies of the values by name.</summary>
    internal Dictionary<string, float[]> Values() => Specs.ToDictionary(spec => spec.Name, spec => Copy(_byName[spec.Name]));

    internal static float[] Copy(Tensor tensor)
    {
        using Tensor plain = tensor.detach();
        return plain.data<float>().ToArray();
    }

    public void Dispose()
    {
        foreach (Tensor tensor in _byName.Values) tensor.Dispose();
    }
}
