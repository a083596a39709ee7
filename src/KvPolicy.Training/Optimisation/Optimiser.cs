using KvPolicy.Training.Files;
using KvPolicy.Training.Model;
using TorchSharp;
using static TorchSharp.torch;

namespace KvPolicy.Training.Optimisation;

/// <summary>Muon for the layers' matrices, Adam for the rest, under one clipped gradient and one schedule.</summary>
internal sealed class Optimiser : IDisposable
{
    private const double LargestNorm = 1;
    private const string MomentumPrefix = "muon.momentum.";
    private const string FirstPrefix = "adam.first.";
    private const string SecondPrefix = "adam.second.";

    private readonly Weights _weights;
    private readonly List<int> _matrices;
    private readonly List<int> _others;
    private readonly Muon _muon;
    private readonly AdamW _adam;

    /// <param name="weights">What is trained.</param>
    /// <param name="state">What <see cref="State"/> gave; null for a first step.</param>
    internal Optimiser(Weights weights, SafetensorsFile? state)
    {
        _weights = weights;
        _matrices = [.. Indices(matrices: true)];
        _others = [.. Indices(matrices: false)];
        IReadOnlyList<Tensor> all = weights.Tensors;
        _muon = new Muon([.. _matrices.Select(i => all[i])], Read(state, MomentumPrefix, _matrices));
        _adam = new AdamW([.. _others.Select(i => all[i])], Read(state, FirstPrefix, _others), Read(state, SecondPrefix, _others));
    }

    /// <summary>One update.</summary>
    /// <param name="gradients">In the order of the weights.</param>
    /// <param name="step">Steps done before this one.</param>
    internal void Step(IReadOnlyList<Tensor> gradients, int step)
    {
        using IDisposable noGradient = no_grad();
        Tensor norm = stack(gradients.Select(g => g.square().sum())).sum().sqrt();
        double factor = LargestNorm / (norm.item<float>() + 1e-6);
        IReadOnlyList<Tensor> clipped = factor >= 1 ? gradients : [.. gradients.Select(g => g * factor)];
        double share = Schedule.Rate(step);
        _muon.Step([.. _matrices.Select(i => clipped[i])], share);
        _adam.Step([.. _others.Select(i => clipped[i])], step, share);
    }

    /// <summary>Everything that the next step depends on, besides the weights.</summary>
    internal IEnumerable<NamedTensor> State() =>
    [
        .. Named(MomentumPrefix, _matrices, _muon.State),
        .. Named(FirstPrefix, _others, _adam.FirstMoments),
        .. Named(SecondPrefix, _others, _adam.SecondMoments),
    ];

    public void Dispose()
    {
        _muon.Dispose();
        _adam.Dispose();
    }

    private IEnumerable<int> Indices(bool matrices) =>
        Enumerable.Range(0, _weights.Specs.Count).Where(i => _weights.Specs[i].IsLayerMatrix == matrices);

    private IEnumerable<NamedTensor> Named(string prefix, List<int> indices, IReadOnlyList<Tensor> tensors) =>
        indices.Select((i, n) => new NamedTensor(prefix + _weights.Specs[i].Name, _weights.Specs[i].Shape, Weights.Copy(tensors[n])));

    private List<float[]>? Read(SafetensorsFile? state, string prefix, List<int> indices) =>
        state == null ? null : [.. indices.Select(i => state.Values(prefix + _weights.Specs[i].Name))];
}
