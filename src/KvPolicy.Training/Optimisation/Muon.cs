using TorchSharp;
using static TorchSharp.torch;

namespace KvPolicy.Training.Optimisation;

/// <summary>
/// Muon (K. Jordan 2024): momentum whose direction is made orthogonal by five Newton-Schulz steps, for the matrices of the layers. Matrices of one
/// shape go through those steps together.
/// </summary>
internal sealed class Muon : IDisposable
{
    private const double FullRate = 0.02;
    private const double Momentum = 0.95;
    private const double Decay = 0.1;
    private const int NewtonSchulzSteps = 5;

    private readonly IReadOnlyList<Tensor> _matrices;
    private readonly List<Tensor> _momentum;
    private readonly List<int[]> _groups;

    /// <param name="matrices">Parameters, each [rows, columns].</param>
    /// <param name="momentum">Momentum so far, in the same order and shapes; null for a first step.</param>
    internal Muon(IReadOnlyList<Tensor> matrices, IReadOnlyList<float[]>? momentum)
    {
        _matrices = matrices;
        _momentum = [.. matrices.Select((m, i) => momentum == null ? zeros(m.shape) : tensor(momentum[i], m.shape))];
        _groups =
        [
            .. Enumerable.Range(0, matrices.Count).GroupBy(i => (matrices[i].shape.Min(), matrices[i].shape.Max())).Select(group => group.ToArray()),
        ];
    }

    /// <summary>Momentum in the order of the matrices.</summary>
    internal IReadOnlyList<Tensor> State => _momentum;

    /// <summary>One update at a share of the full rate.</summary>
    internal void Step(IReadOnlyList<Tensor> gradients, double share)
    {
        double rate = FullRate * share;
        foreach (int[] group in _groups)
        {
            Tensor directions = Orthogonal(stack(group.Select(i => Lying(Direction(i, gradients[i])))));
            for (int n = 0; n < group.Length; n++)
            {
                Tensor matrix = _matrices[group[n]];
                bool stands = Stands(matrix);
                double scale = stands ? Math.Sqrt((double)matrix.shape[0] / matrix.shape[1]) : 1;
                Tensor direction = stands ? directions[n].t() : directions[n];
                matrix.mul_(1 - (rate * Decay)).add_(direction, alpha: -rate * scale);
            }
        }
    }

    /// <summary>
    /// The nearest orthogonal matrices, roughly: singular values end between 0.7 and 1.2. Input [count, rows, columns], rows at most columns.
    /// </summary>
    internal static Tensor Orthogonal(Tensor x)
    {
        x = x / (x.square().sum([1, 2], keepdim: true).sqrt() + 1e-7);
        for (int i = 0; i < NewtonSchulzSteps; i++)
        {
            Tensor s = bmm(x, x.transpose(1, 2));
            x = (3.4445 * x) + bmm((-4.7750 * s) + (2.0315 * bmm(s, s)), x);
        }

        return x;
    }

    public void Dispose() => _momentum.ForEach(m => m.Dispose());

    private Tensor Direction(int i, Tensor gradient)
    {
        _momentum[i].mul_(Momentum).add_(gradient);
        return gradient + (Momentum * _momentum[i]);
    }

    private static bool Stands(Tensor matrix) => matrix.shape[0] > matrix.shape[1];

    private static Tensor Lying(Tensor matrix) => Stands(matrix) ? matrix.t() : matrix;
}
