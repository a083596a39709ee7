using KvPolicy.Inference.Models;

namespace KvPolicy.Inference.Ops;

/// <summary>
/// The operations of a decoder on one device. The transformer is written once against this; the host (<c>*.Host.cs</c>) and ILGPU
/// (<c>*.Gpu.cs</c>) implement it. All numbers are f32; matrices are row-major. Calls may return before the device is done: only
/// <see cref="Read"/> waits. One thread at a time. No call but the Create and Prepare ones allocates managed memory on the host device.
/// </summary>
internal interface IEngineOps : IDisposable
{
    /// <summary>As the command line and the receipt name it: <c>cpu, simulator, cuda, opencl</c>.</summary>
    string Device { get; }

    /// <summary>True where sequences can go on after their prefill: <see cref="SequenceStore.CanContinue"/> of every store.</summary>
    bool CanContinue => false;

    /// <summary>A zeroed matrix [rows, columns].</summary>
    DeviceMatrix CreateMatrix(int rows, int columns);

    /// <summary>The table that <see cref="Rope"/> reads.</summary>
    DeviceMatrix CreateMatrix(RopeTable table);

    /// <summary>Weights of one or more matrices over the same input, outputs stacked in the order given: y = [W0 x + b0, W1 x + b1, ...].</summary>
    /// <param name="matrices">[outputs_i, inputs]</param>
    /// <param name="biases">[outputs_i] or null, one for each matrix; empty for none at all.</param>
    Linear Prepare(IReadOnlyList<ModelTensor> matrices, IReadOnlyList<ModelTensor?> biases);

    /// <summary>A norm's weights [1, columns], or a vector of any other use.</summary>
    DeviceMatrix PrepareVector(ModelTensor vector);

    /// <summary>Rows of an embedding that <see cref="Embed"/> looks up.</summary>
    /// <param name="table">[vocabulary, hidden]; may be the classifier's tensor as well (tied): a device need not hold it twice.</param>
    Embedding PrepareEmbedding(ModelTensor table);

    /// <summary>Keys, values, observed queries and the policy of one sequence.</summary>
    SequenceStore CreateStore(StoreRequest request);

    /// <summary>x[r] = row ids[r] of the table.</summary>
    /// <param name="table">[vocabulary, hidden]</param>
    /// <param name="ids">[rows]</param>
    /// <param name="x">[rows, hidden]</param>
    void Embed(Embedding table, ReadOnlySpan<int> ids, MatrixRows x);

    /// <summary>y = x / sqrt(mean(x^2) + epsilon) * weight, row by row.</summary>
    /// <param name="x">[rows, columns]</param>
    /// <param name="weight">[1, columns]</param>
    /// <param name="epsilon">Inside the root.</param>
    /// <param name="y">[rows, columns]; not <paramref name="x"/>.</param>
    void RmsNorm(MatrixRows x, DeviceMatrix weight, float epsilon, MatrixRows y);

    /// <summary>y = W x + b, or y += W x + b.</summary>
    /// <param name="weights">[outputs, inputs]</param>
    /// <param name="x">[rows, inputs]</param>
    /// <param name="y">[rows, outputs]</param>
    /// <param name="add">Add to what y holds: the residual stream.</param>
    /// <param name="phase">Prefill gives a row the same bits whatever the number of rows beside it.</param>
    void Multiply(Linear weights, MatrixRows x, MatrixRows y, bool add, Phase phase);

    /// <summary>RMS norm over each head of q and of k, in place (Qwen3).</summary>
    /// <param name="qkv">[rows, (queryHeads + 2 kvHeads) * headDim]: q, then k, then v.</param>
    /// <param name="heads">Sizes of the heads.</param>
    /// <param name="queryWeight">[1, headDim]</param>
    /// <param name="keyWeight">[1, headDim]</param>
    /// <param name="epsilon">Inside the root.</param>
    void HeadNorm(MatrixRows qkv, HeadShape heads, DeviceMatrix queryWeight, DeviceMatrix keyWeight, float epsilon);

    /// <summary>Turns q and k in place; row r stands at firstPosition + r.</summary>
    /// <param name="qkv">[rows, (queryHeads + 2 kvHeads) * headDim]: q, then k, then v.</param>
    /// <param name="heads">Sizes of the heads.</param>
    /// <param name="table">[positions, headDim], see <see cref="RopeTable"/>.</param>
    /// <param name="pairing">Which channels turn together.</param>
    /// <param name="firstPosition">Position of row 0.</param>
    void Rope(MatrixRows qkv, HeadShape heads, DeviceMatrix table, RopePairing pairing, int firstPosition);

    /// <summary>y = silu(gate) * up.</summary>
    /// <param name="gateUp">[rows, 2 * columns]: gate, then up.</param>
    /// <param name="y">[rows, columns]</param>
    void SwiGlu(MatrixRows gateUp, MatrixRows y);

    /// <summary>Waits for the device and shows rows on the host; valid until the next call on these ops.</summary>
    /// <param name="x">[rows, columns]</param>
    /// <returns>[rows * columns]</returns>
    ReadOnlySpan<float> Read(MatrixRows x);
}

/// <summary>Which shape of work an operation is tuned for.</summary>
internal enum Phase
{
    /// <summary>Rows of a prompt.</summary>
    Prefill,

    /// <summary>One new token.</summary>
    Decode,
}

/// <summary>Heads of q, k and v in a row.</summary>
/// <param name="QueryHeads">Query heads.</param>
/// <param name="KvHeads">KV heads.</param>
/// <param name="HeadDim">Channels of a head.</param>
internal readonly record struct HeadShape(int QueryHeads, int KvHeads, int HeadDim)
{
    /// <summary>Floats of q in a row; k starts here.</summary>
    public int QuerySize => QueryHeads * HeadDim;

    /// <summary>Floats of k in a row, and of v.</summary>
    public int KeySize => KvHeads * HeadDim;

    /// <summary>Floats of a row: q, then k, then v.</summary>
    public int RowSize => QuerySize + 2 * KeySize;
}
