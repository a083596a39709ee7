using CsCheck;
using KvPolicy.Inference.Models;
using KvPolicy.Inference.Ops;

namespace KvPolicy.Inference.Tests.Ops;

public sealed unsafe class ProductTests : IDisposable
{
    private readonly HostOps _ops = new(threads: 2);

    public void Dispose() => _ops.Dispose();

    [Fact]
    public void Stacked_products_of_any_storage_equal_the_sum_in_double()
        => Gen.Select(Gen.Int[1, 21], Gen.Int[1, 3], Gen.Bool, Gen.Bool, Gen.Int[0, 1 << 20]).Sample(
            (rows, parts, add, biased, seed) =>
            {
                using var tensors = new RandomTensors(seed);
                var random = new Random(seed);
                int inputs = 256 * (1 + seed % 2);
                ModelTensor[] matrices = [.. Enumerable.Range(0, parts).Select(_ => tensors.Create(RandomTensors.Formats[random.Next(RandomTensors.Formats.Length)].Type, 1 + random.Next(90), inputs, random.Next(4)))];
                ModelTensor?[] biases = [.. matrices.Select(m => biased ? tensors.Create(TensorType.F32, 1, m.Rows) : null)];
                using Linear linear = _ops.Prepare(matrices, biases);
                float[] x = tensors.Floats(rows * inputs), start = tensors.Floats(rows * linear.Outputs);
                foreach (Phase phase in Enum.GetValues<Phase>())
                {
                    float[] y = Multiply(linear, x, start, rows, add, phase);
                    for (int r = 0; r < rows; r++) AssertRow(matrices, biases, x.AsSpan(r * inputs, inputs), start.AsSpan(r * linear.Outputs), y.AsSpan(r * linear.Outputs), add, $"{phase} row {r}");
                }
            },
            iter: 60, threads: 1);

    [Theory]
    [InlineData(nameof(TensorType.Q4_1))]
    [InlineData(nameof(TensorType.F16))]
    public void A_prefill_row_has_the_same_bits_in_any_company(string type)
    {
        using var tensors = new RandomTensors(7);
        ModelTensor matrix = tensors.Create(Enum.Parse<TensorType>(type), 75, 96);
        using Linear linear = _ops.Prepare([matrix], []);
        float[] x = tensors.Floats(29 * 96), none = new float[29 * 75];
        float[] together = Multiply(linear, x, none, 29, add: false, Phase.Prefill);
        using var alone = new HostOps(threads: 1);
        for (int r = 0; r < 29; r++)
        {
            float[] row = Multiply(linear, x[(r * 96)..((r + 1) * 96)], none[..75], 1, add: false, Phase.Prefill, alone);
            Assert.Equal(together.AsSpan(r * 75, 75).ToArray(), row);
        }
    }

    [Fact]
    public void Rows_that_do_not_fit_are_refused()
    {
        using var tensors = new RandomTensors(1);
        using Linear linear = _ops.Prepare([tensors.Create(TensorType.F32, 8, 16)], []);
        using DeviceMatrix x = _ops.CreateMatrix(2, 15), y = _ops.CreateMatrix(2, 8);
        Assert.Throws<ArgumentException>(() => _ops.Multiply(linear, x.Slice(0, 2), y.Slice(0, 2), add: false, Phase.Prefill));
        Assert.Throws<ArgumentOutOfRangeException>(() => y.Slice(1, 2));
    }

    private float[] Multiply(Linear linear, float[] x, float[] start, int rows, bool add, Phase phase, HostOps? ops = null)
    {
        ops ??= _ops;
        using var input = (HostMatrix)ops.CreateMatrix(rows, linear.Inputs);
        using var output = (HostMatrix)ops.CreateMatrix(rows, linear.Outputs);
        x.CopyTo(new Span<float>(input.Data, x.Length));
        start.CopyTo(new Span<float>(output.Data, start.Length));
        ops.Multiply(linear, input.Slice(0, rows), output.Slice(0, rows), add, phase);
        return ops.Read(output.Slice(0, rows)).ToArray();
    }

    private static void AssertRow(ModelTensor[] matrices, ModelTensor?[] biases, ReadOnlySpan<float> x, ReadOnlySpan<float> start, ReadOnlySpan<float> y, bool add, string what)
    {
        int output = 0;
        for (int m = 0; m < matrices.Length; m++)
        {
            float[] weights = Dequantizer.All(matrices[m]);
            float[] bias = biases[m] is { } b ? Dequantizer.All(b) : new float[matrices[m].Rows];
            for (int o = 0; o < matrices[m].Rows; o++, output++)
            {
                (double sum, double size) = Naive.Dot(weights.AsSpan(o * x.Length, x.Length), x);
                double want = sum + bias[o] + (add ? start[output] : 0);
                Assert.True(Math.Abs(want - y[output]) <= 2e-6 * (size + Math.Abs(want)) + 4e-5, $"{what}, {matrices[m].Type} output {o}: {y[output]}, not {want}");
            }
        }
    }
}
