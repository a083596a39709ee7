using TorchSharp;
using static TorchSharp.torch;

namespace KvPolicy.Training.Optimisation;

/// <summary>Adam with bias correction and no weight decay (Kingma, Ba 2015), for embedding, head and norms.</summary>
internal sealed class AdamW : IDisposable
{
    private const double FullRate = 3e-3;
    private const double Beta1 = 0.9;
    private const double Beta2 = 0.95;
    private const double Epsilon = 1e-8;

    private readonly IReadOnlyList<Tensor> _parameters;
    private readonly List<Tensor> _first;
    private readonly List<Tensor> _second;

    /// <param name="parameters">What is trained.</param>
    /// <param name="first">First moments so far in the same order; null for a first step.</param>
    /// <param name="second">Second moments so far.</param>
    internal AdamW(IReadOnlyList<Tensor> parameters, IReadOnlyList<float[]>? first, IReadOnlyList<float[]>? second)
    {
        _parameters = parameters;
        _first = [.. parameters.Select((p, i) => first == null ? zeros(p.shape) : tensor(first[i], p.shape))];
        _second = [.. parameters.Select((p, i) => second == null ? zeros(p.shape) : tensor(second[i], p.shape))];
    }

    internal IReadOnlyList<Tensor> FirstMoments => _first;

    internal IReadOnlyList<Tensor> SecondMoments => _second;

    /// <summary>One update at a share of the full rate.</summary>
    /// <param name="gradients">In the order of the parameters.</param>
    /// <param name="step">Steps done before this one.</param>
    /// <param name="share">Share of the full rate.</param>
    internal void Step(IReadOnlyList<Tensor> gradients, int step, double share)
    {
        double correction1 = 1 - Math.Pow(Beta1, step + 1);
        double correction2 = 1 - Math.Pow(Beta2, step + 1);
        for (int i = 0; i < _parameters.Count; i++)
        {
            Tensor g = gradients[i];
            _first[i].mul_(Beta1).add_(g, alpha: 1 - Beta1);
            _second[i].mul_(Beta2).addcmul_(g, g, value: 1 - Beta2);
            Tensor size = (_second[i] / correction2).sqrt_().add_(Epsilon);
            _parameters[i].addcdiv_(_first[i], size, value: -FullRate * share / correction1);
        }
    }

    public void Dispose()
    {
        _first.ForEach(m => m.Dispose());
        _second.ForEach(m => m.Dispose());
    }
}
