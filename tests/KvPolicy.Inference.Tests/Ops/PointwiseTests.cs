using CsCheck;
using KvPolicy.Inference.Models;
using KvPolicy.Inference.Ops;

namespace KvPolicy.Inference.Tests.Ops;

public sealed unsafe class PointwiseTests : IDisposable
{
    private readonly HostOps _ops = new(threads: 2);

    public void Dispose() => _ops.Dispose();

    [Fact]
    public void Rms_norm()
        => Gen.Select(Gen.Int[1, 9], Gen.Int[1, 700], Gen.Int[0, 1 << 20]).Sample(
            (rows, columns, seed) =>
            {
                using var tensors = new RandomTensors(seed);
                using HostMatrix x = Matrix(tensors.Floats(rows * columns), columns), weight = Matrix(tensors.Floats(columns), columns), y = Matrix(new float[rows * columns], columns);
                _ops.RmsNorm(x.Slice(0, rows), weight, 1e-5f, y.Slice(0, rows));
                for (int r = 0; r < rows; r++) AssertClose(Naive.RmsNorm(Row(x, r), Row(weight, 0), 1e-5f), Row(y, r), 2e-6);
            },
            iter: 50, threads: 1);

    [Fact]
    public void Embedding_rows_are_the_tables()
    {
        using var tensors = new RandomTensors(3);
        ModelTensor table = tensors.Create(TensorType.Q8_0, 40, 64);
        using Embedding embedding = _ops.PrepareEmbedding(table);
        using HostMatrix x = Matrix(new float[3 * 64], 64);
        _ops.Embed(embedding, [39, 0, 7], x.Slice(0, 3));
        float[] all = Dequantizer.All(table);
        Assert.Equal(all.AsSpan(39 * 64, 64), Row(x, 0));
        Assert.Equal(all.AsSpan(0, 64), Row(x, 1));
        Assert.Equal(all.AsSpan(7 * 64, 64), Row(x, 2));
        Assert.Throws<ArgumentOutOfRangeException>(() => _ops.Embed(embedding, [40], x.Slice(0, 1)));
        Assert.Throws<ArgumentOutOfRangeException>(() => _ops.Embed(embedding, [-1], x.Slice(0, 1)));
    }

    [Fact]
    public void Rope_and_head_norm_turn_q_and_k_and_leave_v()
        => Gen.Select(Gen.Int[1, 5], Gen.Int[1, 3], Gen.Int[1, 3], Gen.Int[0, 3000], Gen.Bool, Gen.Bool, Gen.Int[0, 1 << 20]).Sample(
            (rows, kvHeads, group, first, halves, divided, seed) =>
            {
                using var tensors = new RandomTensors(seed);
                int dim = 2 * (1 + seed % 40);
                var heads = new HeadShape(kvHeads * group, kvHeads, dim);
                RopePairing pairing = halves ? RopePairing.Halves : RopePairing.Neighbours;
                float[]? divisors = divided ? [.. tensors.Floats(dim / 2).Select(f => 3 + f)] : null;
                float[] before = tensors.Floats(rows * heads.RowSize);
                using HostMatrix qkv = Matrix(before, heads.RowSize), qNorm = Matrix(tensors.Floats(dim), dim), kNorm = Matrix(tensors.Floats(dim), dim);
                using DeviceMatrix table = _ops.CreateMatrix(new RopeTable(TestConfig(heads, divisors), first + rows));

                _ops.HeadNorm(qkv.Slice(0, rows), heads, qNorm, kNorm, 1e-6f);
                float[] normed = new Span<float>(qkv.Data, before.Length).ToArray();
                for (int r = 0; r < rows; r++) AssertHeads(before, normed, heads, r, (x, head) => Naive.RmsNorm(x, head < heads.QueryHeads ? Row(qNorm, 0) : Row(kNorm, 0), 1e-6f));

                _ops.Rope(qkv.Slice(0, rows), heads, table, pairing, first);
                float[] after = new Span<float>(qkv.Data, before.Length).ToArray();
                for (int r = 0; r < rows; r++) AssertHeads(normed, after, heads, r, (x, head) => Naive.Rope(x, first + r, 10000, divisors, pairing));
            },
            iter: 60, threads: 1);

    [Fact]
    public void SwiGlu()
        => Gen.Select(Gen.Int[1, 5], Gen.Int[1, 300], Gen.Int[0, 1 << 20]).Sample(
            (rows, columns, seed) =>
            {
                using var tensors = new RandomTensors(seed);
                float[] input = [.. tensors.Floats(rows * columns * 2).Select(f => f * f * f * 12)];
                using HostMatrix gateUp = Matrix(input, 2 * columns), y = Matrix(new float[rows * columns], columns);
                _ops.SwiGlu(gateUp.Slice(0, rows), y.Slice(0, rows));
                for (int r = 0; r < rows; r++)
                {
                    double[] want = [.. Enumerable.Range(0, columns).Select(c => input[r * 2 * columns + c] / (1 + Math.Exp(-(double)input[r * 2 * columns + c])) * input[(r * 2 + 1) * columns + c])];
                    AssertClose(want, Row(y, r), 1e-6);
                }
            },
            iter: 50, threads: 1);

    private static ModelConfig TestConfig(HeadShape heads, float[]? divisors) => new()
    {
        Architecture = Architecture.Llama,
        VocabularySize = 8,
        HiddenSize = heads.QuerySize,
        FeedForwardSize = 8,
        Layers = 1,
        QueryHeads = heads.QueryHeads,
        KvHeads = heads.KvHeads,
        HeadDim = heads.HeadDim,
        ContextLength = 4096,
        RmsEpsilon = 1e-5f,
        RopeTheta = 10000,
        RopePairing = RopePairing.Halves,
        RopeDivisors = divisors,
    };

    private delegate double[] Turned(ReadOnlySpan<float> x, int head);

    private static void AssertHeads(float[] before, float[] after, HeadShape heads, int row, Turned want)
    {
        int at = row * heads.RowSize;
        for (int h = 0; h < heads.QueryHeads + heads.KvHeads; h++, at += heads.HeadDim)
            AssertClose(want(before.AsSpan(at, heads.HeadDim), h), after.AsSpan(at, heads.HeadDim), 2e-6);
        Assert.Equal(before.AsSpan(at, heads.KeySize), after.AsSpan(at, heads.KeySize));
    }

    private HostMatrix Matrix(float[] values, int columns)
    {
        var matrix = (HostMatrix)_ops.CreateMatrix(values.Length / columns, columns);
        values.CopyTo(new Span<float>(matrix.Data, values.Length));
        return matrix;
    }

    private static ReadOnlySpan<float> Row(HostMatrix matrix, int row) => new(matrix.Row(row), matrix.Columns);

    private static void AssertClose(double[] want, ReadOnlySpan<float> found, double tolerance)
    {
        for (int i = 0; i < want.Length; i++) Assert.True(Math.Abs(want[i] - found[i]) <= tolerance * Math.Max(1, Math.Abs(want[i])), $"{i}: {found[i]}, not {want[i]}");
    }
}
