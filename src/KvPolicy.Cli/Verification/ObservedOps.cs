using KvPolicy.Inference.Models;
using KvPolicy.Inference.Ops;

namespace KvPolicy.Cli.Verification;

/// <summary>Makes the store of a sequence, or something around it.</summary>
/// <param name="request">The sequence.</param>
/// <param name="make">The device's own store.</param>
internal delegate SequenceStore StoreMaker(StoreRequest request, Func<StoreRequest, SequenceStore> make);

/// <summary>A device whose sequences' stores are made by somebody who looks on.</summary>
internal sealed class ObservedOps(IEngineOps inner, StoreMaker maker) : IEngineOps
{
    public string Device => inner.Device;

    public DeviceMatrix CreateMatrix(int rows, int columns) => inner.CreateMatrix(rows, columns);

    public DeviceMatrix CreateMatrix(RopeTable table) => inner.CreateMatrix(table);

    public Linear Prepare(IReadOnlyList<ModelTensor> matrices, IReadOnlyList<ModelTensor?> biases) => inner.Prepare(matrices, biases);

    public DeviceMatrix PrepareVector(ModelTensor vector) => inner.PrepareVector(vector);

    public Embedding PrepareEmbedding(ModelTensor table) => inner.PrepareEmbedding(table);

    public SequenceStore CreateStore(StoreRequest request) => maker(request, inner.CreateStore);

    public void Embed(Embedding table, ReadOnlySpan<int> ids, MatrixRows x) => inner.Embed(table, ids, x);

    public void RmsNorm(MatrixRows x, DeviceMatrix weight, float epsilon, MatrixRows y) => inner.RmsNorm(x, weight, epsilon, y);

    public void Multiply(Linear weights, MatrixRows x, MatrixRows y, bool add, Phase phase) => inner.Multiply(weights, x, y, add, phase);

    public void HeadNorm(MatrixRows qkv, HeadShape heads, DeviceMatrix queryWeight, DeviceMatrix keyWeight, float epsilon)
        => inner.HeadNorm(qkv, heads, queryWeight, keyWeight, epsilon);

    public void Rope(MatrixRows qkv, HeadShape heads, DeviceMatrix table, RopePairing pairing, int firstPosition) => inner.Rope(qkv, heads, table, pairing, firstPosition);

    public void SwiGlu(MatrixRows gateUp, MatrixRows y) => inner.SwiGlu(gateUp, y);

    public ReadOnlySpan<float> Read(MatrixRows x) => inner.Read(x);

    public void Dispose() => inner.Dispose();
}
