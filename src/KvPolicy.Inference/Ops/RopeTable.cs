using KvPolicy.Inference.Models;

namespace KvPolicy.Inference.Ops;

/// <summary>
/// Cosines and sines of RoPE, computed in double. Row p: [headDim]: for pair i the cosine at 2i and the sine at 2i + 1 of the angle
/// p * theta^(-2i / headDim) / divisor_i.
/// </summary>
internal sealed class RopeTable
{
    /// <summary>Angles of positions 0 .. positions - 1.</summary>
    public RopeTable(ModelConfig config, int positions)
    {
        (Positions, HeadDim) = (positions, config.HeadDim);
        Values = new float[(long)positions * HeadDim];
        for (int i = 0; i < HeadDim / 2; i++)
        {
            double frequency = Math.Pow(config.RopeTheta, -2.0 * i / HeadDim) / (config.RopeDivisors?[i] ?? 1f);
            for (int p = 0; p < positions; p++)
            {
                (double sin, double cos) = Math.SinCos(p * frequency);
                Values[(long)p * HeadDim + 2 * i] = (float)cos;
                Values[(long)p * HeadDim + 2 * i + 1] = (float)sin;
            }
        }
    }

    /// <summary>Rows.</summary>
    public int Positions { get; }

    /// <summary>Floats of a row.</summary>
    public int HeadDim { get; }

    /// <summary>[positions, headDim]</summary>
    public float[] Values { get; }
}
