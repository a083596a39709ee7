using ILGPU;
using ILGPU.Runtime;
using KvPolicy.Inference;
using KvPolicy.Inference.Models;
using KvPolicy.Inference.Ops;

namespace KvPolicy.Gpu.Tests;

/// <summary>Every engine kernel on the simulator against the formula in double precision; where the reference data is at hand each launch also runs as PTX.</summary>
public sealed class EngineOpsTests : IDisposable
{
    private const double Tolerance = 1e-5;

    private static readonly GpuOps Ops = Open();

#if PTX_EMULATOR
    private readonly PtxReplay _replay = new();

    public void Dispose()
    {
        _replay.Dispose();
        Assert.NotEmpty(_replay.Launches);
    }
#else
    public void Dispose() { }
#endif

    private static GpuOps Open()
    {
        Inference.Devices.OpenedAccelerator simulator = Inference.Devices.AcceleratorFinder.Simulator();
        return new GpuOps("simulator", simulator.Context, simulator.Accelerator);
    }

    [Theory]
    [InlineData(3, 64)]
    [InlineData(1, 37)]
    [InlineData(2, 300)]
    public void RmsNorm(int rows, int columns)
    {
        float[] x = Tensors.Random(rows * columns, 1), weight = Tensors.Random(columns, 2);
        using DeviceMatrix input = Matrix(x, rows), scale = Matrix(weight, 1), output = Ops.CreateMatrix(rows, columns);
        Ops.RmsNorm(input.Slice(0, rows), scale, 1e-5f, output.Slice(0, rows));
        double[] expected = new double[rows * columns];
        for (int r = 0; r < rows; r++) Normalise(x.AsSpan(r * columns, columns), weight, expected.AsSpan(r * columns, columns));
        Check(expected, output);
    }

    [Theory]
    [InlineData(RopePairing.Halves)]
    [InlineData(RopePairing.Neighbours)]
    public void Rope(RopePairing pairing)
    {
        var heads = new HeadShape(6, 2, 10);
        float[] qkv = Tensors.Random(3 * heads.RowSize, 1);
        var table = new RopeTable(Config(heads) with { RopeTheta = 500f }, 50);
        using DeviceMatrix matrix = Matrix(qkv, 3), angles = Ops.CreateMatrix(table);
        Ops.Rope(matrix.Slice(0, 3), heads, angles, pairing, 40);
        Check(Turned(qkv, heads, pairing, 40, 500), matrix);
    }

    [Fact]
    public void HeadNorm()
    {
        var heads = new HeadShape(4, 2, 40);
        float[] qkv = Tensors.Random(2 * heads.RowSize, 1), query = Tensors.Random(40, 2), key = Tensors.Random(40, 3);
        using DeviceMatrix matrix = Matrix(qkv, 2), queryWeight = Matrix(query, 1), keyWeight = Matrix(key, 1);
        Ops.HeadNorm(matrix.Slice(0, 2), heads, queryWeight, keyWeight, 1e-5f);
        double[] expected = [.. qkv.Select(value => (double)value)];
        for (int at = 0; at < qkv.Length; at += heads.HeadDim)
        {
            int head = at % heads.RowSize / heads.HeadDim;
            if (head < 6) Normalise(qkv.AsSpan(at, 40), head < 4 ? query : key, expected.AsSpan(at, 40));
        }

        Check(expected, matrix);
    }

    [Fact]
    public void SwiGlu()
    {
        float[] gateUp = Tensors.Random(2 * 2 * 133, 1);
        using DeviceMatrix input = Matrix(gateUp, 2), output = Ops.CreateMatrix(2, 133);
        Ops.SwiGlu(input.Slice(0, 2), output.Slice(0, 2));
        var expected = new double[2 * 133];
        for (int i = 0; i < expected.Length; i++)
        {
            double gate = gateUp[i / 133 * 266 + i % 133];
            expected[i] = gate / (1 + Math.Exp(-gate)) * gateUp[i / 133 * 266 + 133 + i % 133];
        }

        Check(expected, output);
    }

    [Theory]
    [InlineData(1, 37, 13, true, false)]
    [InlineData(1, 64, 96, false, true)]
    [InlineData(3, 24, 70, true, true)]     // decode of several rows, one by one
    public void Products_of_one_row(int rows, int inputs, int outputs, bool bias, bool add) => Product(rows, inputs, outputs, bias, add, Phase.Decode);

    [Theory]
    [InlineData(1, 64, 64, false, false)]
    [InlineData(33, 37, 70, true, false)]
    [InlineData(40, 16, 9, false, true)]
    public void Products_of_many_rows(int rows, int inputs, int outputs, bool bias, bool add) => Product(rows, inputs, outputs, bias, add, Phase.Prefill);

    [Fact]
    public void Rows_of_the_embedding_that_the_classifier_shares()
    {
        float[] values = Tensors.Random(19 * 24, 1);
        ModelTensor table = Tensors.Of(values, 19, 24);
        using Embedding embedding = Ops.PrepareEmbedding(table);
        using Linear classifier = Ops.Prepare([table], []);
        using DeviceMatrix x = Ops.CreateMatrix(3, 24), logits = Ops.CreateMatrix(1, 19);
        Ops.Embed(embedding, [18, 0, 7], x.Slice(0, 3));
        double[] expected = [.. new[] { 18, 0, 7 }.SelectMany(id => values.AsSpan(id * 24, 24).ToArray()).Select(value => (double)value)];
        Check(expected, x);
        Ops.Multiply(classifier, x.Slice(2, 1), logits.Slice(0, 1), add: false, Phase.Decode);
        Check([.. Enumerable.Range(0, 19).Select(id => Enumerable.Range(0, 24).Sum(c => (double)values[id * 24 + c] * values[7 * 24 + c]))], logits);
    }

    [Theory]
    [InlineData(4, 2, 8, 0, 45, 30)]
    [InlineData(3, 1, 40, 0, 33, 64)]
    [InlineData(2, 2, 128, 7, 40, 40)]      // the widest head, a sliding window
    [InlineData(6, 1, 12, 33, 70, 32)]      // more query heads than one walk takes
    public void Attention(int queryHeads, int kvHeads, int headDim, int window, int prompt, int chunk)
    {
        var heads = new HeadShape(queryHeads, kvHeads, headDim);
        const int Steps = 3;
        float[] qkv = Tensors.Random((prompt + Steps) * heads.RowSize, 5);
        using DeviceMatrix matrix = Matrix(qkv, prompt + Steps), output = Ops.CreateMatrix(prompt + Steps, heads.QuerySize);
        Attend(heads, window, prompt, chunk, matrix, output);
        Check(Attended(qkv, prompt + Steps, heads, window), output);
    }

    [Fact]
    public void Attention_over_several_parts_of_the_keys()
    {
        var heads = new HeadShape(2, 1, 8);
        float[] qkv = Tensors.Random(273 * heads.RowSize, 5);
        using DeviceMatrix matrix = Matrix(qkv, 273), output = Ops.CreateMatrix(273, heads.QuerySize);
        Attend(heads, 150, 270, 270, matrix, output);
        Check(Attended(qkv, 273, heads, 150), output);
    }

    [Fact]
    public void The_chunks_of_a_prefill_change_no_bit()
    {
        var heads = new HeadShape(4, 2, 16);
        using DeviceMatrix qkv = Matrix(Tensors.Random(50 * heads.RowSize, 5), 50), whole = Ops.CreateMatrix(50, heads.QuerySize), chunks = Ops.CreateMatrix(50, heads.QuerySize);
        Attend(heads, 21, 47, 47, qkv, whole);
        Attend(heads, 21, 47, 9, qkv, chunks);
        float[] expected = [.. Ops.Read(whole.Slice(0, 50))];
        Assert.Equal(expected, Ops.Read(chunks.Slice(0, 50)).ToArray());
    }

    private static void Attend(HeadShape heads, int window, int prompt, int chunk, DeviceMatrix qkv, DeviceMatrix output)
    {
        ModelConfig config = Config(heads) with { SlidingWindow = window };
        using SequenceStore store = Ops.CreateStore(new StoreRequest(config, qkv.Rows, null, new PromptShape(prompt, []), PrefillSchedule.LayerMajor));
        for (int first = 0; first < prompt; first += chunk)
        {
            int rows = Math.Min(chunk, prompt - first);
            store.Append(0, qkv.Slice(first, rows), first);
            store.PrefillAttention(0, qkv.Slice(first, rows), first, output.Slice(first, rows));
        }

        store.FinishLayer(0);
        store.FinishPrefill();
        for (int p = prompt; p < qkv.Rows; p++)
        {
            store.Append(0, qkv.Slice(p, 1), p);
            store.DecodeAttention(0, qkv.Slice(p, 1), p, output.Slice(p, 1));
        }

        Assert.Equal(Enumerable.Range(0, qkv.Rows), store.Positions(0, heads.KvHeads - 1));
    }

    private static void Product(int rows, int inputs, int outputs, bool bias, bool add, Phase phase)
    {
        float[] x = Tensors.Random(rows * inputs, 1), y = Tensors.Random(rows * outputs, 2);
        int upper = outputs / 3;
        float[] first = Tensors.Random(upper * inputs, 3), second = Tensors.Random((outputs - upper) * inputs, 4), biases = Tensors.Random(outputs - upper, 5);
        using Linear weights = Ops.Prepare(
            [Tensors.Of(first, upper, inputs), Tensors.Of(second, outputs - upper, inputs)],
            [null, bias ? Tensors.Of(biases, 1, outputs - upper) : null]);
        using DeviceMatrix input = Matrix(x, rows), output = Matrix(y, rows);
        Ops.Multiply(weights, input.Slice(0, rows), output.Slice(0, rows), add, phase);
        var expected = new double[rows * outputs];
        for (int r = 0; r < rows; r++)
        {
            for (int o = 0; o < outputs; o++)
            {
                ReadOnlySpan<float> row = o < upper ? first.AsSpan(o * inputs, inputs) : second.AsSpan((o - upper) * inputs, inputs);
                double sum = (add ? y[r * outputs + o] : 0) + (bias && o >= upper ? biases[o - upper] : 0);
                for (int i = 0; i < inputs; i++) sum += (double)x[r * inputs + i] * row[i];
                expected[r * outputs + o] = sum;
            }
        }

        Check(expected, output);
    }

    private static void Normalise(ReadOnlySpan<float> x, ReadOnlySpan<float> weight, Span<double> y)
    {
        double squares = 0;
        foreach (float value in x) squares += (double)value * value;
        for (int c = 0; c < x.Length; c++) y[c] = x[c] / Math.Sqrt(squares / x.Length + 1e-5) * weight[c];
    }

    private static double[] Turned(float[] qkv, HeadShape heads, RopePairing pairing, int firstPosition, double theta)
    {
        double[] turned = [.. qkv.Select(value => (double)value)];
        for (int at = 0; at < qkv.Length; at += heads.HeadDim)
        {
            if (at % heads.RowSize >= heads.QuerySize + heads.KeySize) continue;
            for (int i = 0; i < heads.HeadDim / 2; i++)
            {
                (double sin, double cos) = Math.SinCos((firstPosition + at / heads.RowSize) * Math.Pow(theta, -2.0 * i / heads.HeadDim));
                int x = at + (pairing == RopePairing.Neighbours ? 2 * i : i), y = pairing == RopePairing.Neighbours ? x + 1 : x + heads.HeadDim / 2;
                (turned[x], turned[y]) = (qkv[x] * cos - qkv[y] * sin, qkv[x] * sin + qkv[y] * cos);
            }
        }

        return turned;
    }

    private static double[] Attended(float[] qkv, int rows, HeadShape heads, int window)
    {
        var output = new double[rows * heads.QuerySize];
        var weights = new double[rows];
        for (int row = 0; row < rows; row++)
        {
            for (int head = 0; head < heads.QueryHeads; head++)
            {
                int kv = head / (heads.QueryHeads / heads.KvHeads), first = window > 0 ? Math.Max(0, row - window + 1) : 0;
                double total = 0;
                for (int key = first; key <= row; key++)
                {
                    double dot = 0;
                    for (int c = 0; c < heads.HeadDim; c++) dot += (double)qkv[row * heads.RowSize + head * heads.HeadDim + c] * qkv[key * heads.RowSize + heads.QuerySize + kv * heads.HeadDim + c];
                    total += weights[key] = Math.Exp(dot / Math.Sqrt(heads.HeadDim));
                }

                for (int key = first; key <= row; key++)
                {
                    for (int c = 0; c < heads.HeadDim; c++)
                        output[row * heads.QuerySize + head * heads.HeadDim + c] += weights[key] / total * qkv[key * heads.RowSize + heads.QuerySize + heads.KeySize + kv * heads.HeadDim + c];
                }
            }
        }

        return output;
    }

    private static DeviceMatrix Matrix(float[] values, int rows)
    {
        DeviceMatrix matrix = Ops.CreateMatrix(rows, values.Length / rows);
        GpuMatrix.Of(matrix.Slice(0, rows)).CopyFromCPU(values);
        return matrix;
    }

    private static void Check(double[] expected, DeviceMatrix actual)
        => Closeness.Check([.. expected.Select(value => (float)value)], Ops.Read(actual.Slice(0, actual.Rows)), Tolerance, "simulator");

    private static ModelConfig Config(HeadShape heads) => new()
    {
        Architecture = Architecture.Llama,
        VocabularySize = 8,
        HiddenSize = heads.QuerySize,
        FeedForwardSize = 8,
        Layers = 1,
        QueryHeads = heads.QueryHeads,
        KvHeads = heads.KvHeads,
        HeadDim = heads.HeadDim,
        ContextLength = 1024,
        RmsEpsilon = 1e-5f,
        RopeTheta = 10000f,
        RopePairing = RopePairing.Halves,
    };
}
