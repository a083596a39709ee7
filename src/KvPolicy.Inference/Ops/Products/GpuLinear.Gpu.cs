using ILGPU;
using ILGPU.Runtime;
using KvPolicy.Inference.Models;

namespace KvPolicy.Inference.Ops.Products;

/// <summary>
/// Weights in device memory as <see cref="ProductArguments.Weights"/> says, dequantised to f32 while they are uploaded, a few blocks at a
/// time. A tied embedding and classifier hold them once: <see cref="Share"/>.
/// </summary>
internal sealed class GpuWeights
{
    // So many blocks of 8 outputs cross to the device at once.
    private const int BlocksAtOnce = 64;

    private readonly MemoryBuffer1D<Float4, Stride1D.Dense> _buffer;
    private int _owners = 1;

    /// <summary>Uploads the rows of one or more tensors of equal width, one after the other.</summary>
    internal GpuWeights(Accelerator accelerator, IReadOnlyList<ModelTensor> tensors)
    {
        int inputs = tensors[0].Columns, outputs = tensors.Sum(tensor => tensor.Rows), blocks = (outputs + ProductsGpu.Block - 1) / ProductsGpu.Block;
        _buffer = accelerator.Allocate1D<Float4>((long)blocks * inputs * 2);
        var row = new float[inputs];
        var staging = new Float4[Math.Min(BlocksAtOnce, blocks) * inputs * 2];
        using IEnumerator<(ModelTensor Tensor, int Row)> rows = tensors.SelectMany(tensor => Enumerable.Range(0, tensor.Rows).Select(r => (tensor, r))).GetEnumerator();
        for (int first = 0; first < blocks; first += BlocksAtOnce)
        {
            int count = Math.Min(BlocksAtOnce, blocks - first);
            Array.Clear(staging);
            for (int output = 0; output < count * ProductsGpu.Block && rows.MoveNext(); output++)
            {
                Dequantizer.Row(rows.Current.Tensor, rows.Current.Row, row);
                Spread(row, staging, output);
            }

            _buffer.View.SubView((long)first * inputs * 2, (long)count * inputs * 2).CopyFromCPU(accelerator.DefaultStream, staging.AsSpan(0, count * inputs * 2).ToArray());
        }
    }

    /// <summary>[blocks, inputs, 2] of four outputs.</summary>
    internal ArrayView<Float4> View => _buffer.View.AsContiguous();

    /// <summary>One more owner.</summary>
    internal GpuWeights Share()
    {
        _owners++;
        return this;
    }

    /// <summary>One owner fewer; the last frees the memory.</summary>
    internal void Release()
    {
        if (--_owners == 0) _buffer.Dispose();
    }

    private static void Spread(float[] row, Float4[] staging, int output)
    {
        int block = output / ProductsGpu.Block, four = output % ProductsGpu.Block / 4;
        for (int i = 0; i < row.Length; i++)
        {
            ref Float4 at = ref staging[(block * row.Length + i) * 2 + four];
            switch (output % 4)
            {
                case 0: at.X = row[i]; break;
                case 1: at.Y = row[i]; break;
                case 2: at.Z = row[i]; break;
                default: at.W = row[i]; break;
            }
        }
    }
}

/// <summary>Weights and biases of a product.</summary>
internal sealed class GpuLinear(Accelerator accelerator, GpuWeights weights, int outputs, int inputs, float[]? bias) : Linear(outputs, inputs)
{
    private readonly MemoryBuffer1D<float, Stride1D.Dense> _bias = accelerator.Allocate1D(bias ?? new float[1]);

    /// <summary>[blocks, inputs, 2] of four outputs.</summary>
    internal ArrayView<Float4> Weights => weights.View;

    /// <summary>[outputs]; one element where there is none.</summary>
    internal ArrayView<float> Bias => _bias.View.AsContiguous();

    /// <summary>True where there is a bias.</summary>
    internal bool HasBias { get; } = bias is not null;

    /// <inheritdoc/>
    public override void Dispose()
    {
        weights.Release();
        _bias.Dispose();
    }
}

/// <summary>Rows of the embedding, in the same form as the weights of a product.</summary>
internal sealed class GpuEmbedding(GpuWeights weights, int count, int columns) : Embedding
{
    /// <summary>Rows.</summary>
    internal int Count { get; } = count;

    /// <summary>Floats of a row.</summary>
    internal int Columns { get; } = columns;

    /// <summary>[blocks, columns, 8]</summary>
    internal ArrayView<float> Table => weights.View.Cast<float>();

    /// <inheritdoc/>
    public override void Dispose() => weights.Release();
}
