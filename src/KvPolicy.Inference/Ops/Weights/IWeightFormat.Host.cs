using System.Runtime.Intrinsics;

namespace KvPolicy.Inference.Ops.Weights;

/// <summary>How 32 consecutive weights of a stored row become f32, in the order of the row. Each value is rounded as the format's reference rounds it.</summary>
internal unsafe interface IWeightFormat
{
    /// <summary>Bytes of one weight where weights stand alone; 0 where they come in blocks of 32 or more.</summary>
    static abstract int ElementBytes { get; }

    /// <summary>Weights 32 * index .. 32 * index + 31 of a row.</summary>
    /// <param name="row">First byte of the row; any alignment.</param>
    /// <param name="index">Which 32.</param>
    /// <param name="w0">Weights 0 to 7.</param>
    /// <param name="w1">Weights 8 to 15.</param>
    /// <param name="w2">Weights 16 to 23.</param>
    /// <param name="w3">Weights 24 to 31.</param>
    static abstract void Unpack(byte* row, int index, out Vector256<float> w0, out Vector256<float> w1, out Vector256<float> w2, out Vector256<float> w3);
}
