using KvPolicy.Inference.Models;

namespace KvPolicy.Inference.Ops.Weights;

/// <summary>A stored matrix [rows, columns], read where it is mapped. Thread-safe; the caller owns all memory.</summary>
internal abstract unsafe class WeightRows
{
    /// <summary>Outputs that a packed panel holds side by side.</summary>
    public const int PanelWidth = 32;

    /// <summary>Inputs in order, padded with zeros to blocks of 32.</summary>
    protected static readonly object PlainInput = new();

    /// <summary>Inputs in the order of the nibbles of a dword.</summary>
    protected static readonly object NibbleInput = new();

    /// <summary>A reader for the tensor's storage.</summary>
    public static WeightRows Of(ModelTensor tensor) => tensor.Type switch
    {
        TensorType.F32 => new WeightRows<F32Format>(tensor),
        TensorType.F16 => new WeightRows<F16Format>(tensor),
        TensorType.BF16 => new WeightRows<BF16Format>(tensor),
        TensorType.Q8_0 => new Q80Rows(tensor),
        TensorType.Q4_0 => new NibbleRows<Q40Format, Q40Nibbles>(tensor),
        TensorType.Q4_1 => new NibbleRows<Q41Format, Q41Nibbles>(tensor),
        TensorType.Q5_0 => new WeightRows<Q50Format>(tensor),
        TensorType.Q5_1 => new WeightRows<Q51Format>(tensor),
        TensorType.Q4_K => new WeightRows<Q4KFormat>(tensor),
        TensorType.Q6_K => new WeightRows<Q6KFormat>(tensor),
        _ => throw new NotSupportedException($"{tensor.Name}: no host kernel reads {tensor.Type}."),
    };

    /// <summary>Which prepared inputs fit: rows of equal tag and columns share them.</summary>
    public abstract object PreparedTag { get; }

    /// <summary>Floats that <see cref="Prepare"/> writes.</summary>
    public abstract int PreparedFloats { get; }

    /// <summary>Lays the input of <see cref="Dot"/> out as the storage wants it.</summary>
    /// <param name="x">[columns]</param>
    /// <param name="prepared">[PreparedFloats]</param>
    public abstract void Prepare(float* x, float* prepared);

    /// <summary>y[i] = row (first + i) . x, activations in f32.</summary>
    /// <param name="first">First row.</param>
    /// <param name="count">Rows.</param>
    /// <param name="prepared">From <see cref="Prepare"/>.</param>
    /// <param name="y">[count]</param>
    public abstract void Dot(int first, int count, float* prepared, float* y);

    /// <summary>One row in f32.</summary>
    /// <param name="row">Row.</param>
    /// <param name="destination">[columns]</param>
    public abstract void Unpack(int row, float* destination);

    /// <summary>Up to <see cref="PanelWidth"/> rows in f32, turned so that one column's weights lie side by side.</summary>
    /// <param name="first">First row.</param>
    /// <param name="count">Rows; the rest of the panel becomes 0.</param>
    /// <param name="panel">[columns, PanelWidth]</param>
    public abstract void Pack(int first, int count, float* panel);
}
