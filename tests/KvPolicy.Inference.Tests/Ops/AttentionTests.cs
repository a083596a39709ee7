using CsCheck;
using KvPolicy.Inference.Models;
using KvPolicy.Inference.Ops;
using KvPolicy.Inference.Ops.Attention;
using KvPolicy.Inference.Ops.Products;

namespace KvPolicy.Inference.Tests.Ops;

/// <summary>Attention over tiles against softmax written down in double.</summary>
public sealed unsafe class AttentionTests : IDisposable
{
    private readonly WorkerPool _workers = new(2);

    public void Dispose() => _workers.Dispose();

    private static readonly Gen<(int KvHeads, int Group, int HeadDim)> Shapes = Gen.Select(Gen.Int[1, 3], Gen.Int[1, 5], Gen.Int[0, 5].Select(i => new[] { 8, 16, 32, 40, 64, 128 }[i]));

    [Fact]
    public void Prefill_rows_see_what_came_before_them_within_the_window()
        => Gen.Select(Shapes, Gen.Int[1, 300], Gen.Int[1, 90], Gen.Int[0, 60], Gen.Int[0, 1 << 20]).Sample(
            (shape, length, chunk, window, seed) =>
            {
                using var layer = new TestLayer(shape.KvHeads, shape.Group, shape.HeadDim, length, seed);
                window = window > 40 ? 0 : window;
                float[] output = layer.Prefill(chunk, window, _workers, out float[] logSumExp);
                // A sample of rows, among them the first and the last.
                foreach (int row in new[] { 0, length / 3, length / 2, length - 1 })
                {
                    for (int h = 0; h < layer.Heads.QueryHeads; h++)
                    {
                        int kvHead = h / shape.Group;
                        (double[] want, double lse, _) = Naive.Attend(layer.Query(row, h), layer.Keys[kvHead], layer.Values[kvHead], j => j <= row && (window == 0 || row - j < window));
                        AssertClose(want, output.AsSpan((row * layer.Heads.QueryHeads + h) * shape.HeadDim, shape.HeadDim), 5e-6, $"row {row} head {h}");
                        Assert.True(Math.Abs(lse - logSumExp[h * length + row]) < 5e-6 * Math.Max(1, Math.Abs(lse)), $"log-sum-exp of row {row}: {logSumExp[h * length + row]}, not {lse}");
                    }
                }
            },
            iter: 60, threads: 1);

    [Theory]
    [InlineData(0)]
    [InlineData(50)]
    public void Prefill_bits_depend_on_neither_chunk_nor_threads(int window)
    {
        using var layer = new TestLayer(2, 3, 64, 333, seed: 5);
        float[] want = layer.Prefill(333, window, _workers, out float[] lse);
        using var one = new WorkerPool(1);
        foreach (int chunk in new[] { 1, 7, 32, 100, 256 })
        {
            layer.Clear();
            float[] found = layer.Prefill(chunk, window, chunk % 2 == 0 ? one : _workers, out float[] foundLse);
            Assert.Equal(want, found);
            Assert.Equal(lse, foundLse);
        }
    }

    [Fact]
    public void A_decoded_token_sees_every_held_key_whatever_the_order_of_slots()
        => Gen.Select(Shapes, Gen.Int[1, 700], Gen.Int[0, 30], Gen.Int[0, 60], Gen.Int[0, 1 << 20]).Sample(
            (shape, length, removed, window, seed) =>
            {
                using var layer = new TestLayer(shape.KvHeads, shape.Group, shape.HeadDim, length, seed);
                window = window > 40 ? 0 : window;
                layer.Fill();
                var random = new Random(seed);
                // Holes filled by the last key, other ones in each head; the newest key stays.
                for (int h = 0; h < shape.KvHeads; h++)
                {
                    for (int i = 0; i < removed && layer.Cache.Held(0, h) > 1; i++)
                    {
                        int slot = random.Next(layer.Cache.Held(0, h));
                        if (layer.Cache.PositionAt(0, h, slot) != length - 1) layer.Cache.RemoveAt(0, h, slot);
                    }
                }

                AssertDecode(layer, shape.Group, window, length - 1);
            },
            iter: 80, threads: 1);

    private void AssertDecode(TestLayer layer, int group, int window, int position)
    {
        int dim = layer.Heads.HeadDim;
        using var attention = new DecodeAttention(layer.Heads, window, layer.Length);
        var output = new float[layer.Heads.QuerySize];
        var pages = new LayerPages(layer.Cache.View(0, layer.Length));
        fixed (float* q = layer.QueryKeyValue, o = output) attention.Attend(pages, q + position * layer.Heads.RowSize, position, o, probabilities: true, _workers);
        for (int h = 0; h < layer.Heads.QueryHeads; h++)
        {
            int kvHead = h / group, held = layer.Cache.Held(0, kvHead);
            int[] positions = new int[held];
            layer.Cache.CopyPositions(0, kvHead, positions);
            (double[] want, _, double[] p) = Naive.Attend(
                layer.Query(position, h), [.. positions.Select(at => layer.Keys[kvHead][at])], [.. positions.Select(at => layer.Values[kvHead][at])], j => window == 0 || position - positions[j] < window);
            AssertClose(want, output.AsSpan(h * dim, dim), 5e-6, $"head {h}");
            var found = new ReadOnlySpan<float>(attention.Probabilities + h * attention.Stride, (held + 31) / 32 * 32);
            AssertClose(p, found[..held], 2e-6, $"probabilities of head {h}");
            Assert.All(found[held..].ToArray(), rest => Assert.Equal(0f, rest));
        }
    }

    private static void AssertClose(double[] want, ReadOnlySpan<float> found, double tolerance, string what)
    {
        for (int i = 0; i < want.Length; i++) Assert.True(Math.Abs(want[i] - found[i]) <= tolerance, $"{what}, {i}: {found[i]}, not {want[i]}");
    }

    /// <summary>Random q, k, v of one layer, and the cache that they go into.</summary>
    private sealed class TestLayer : IDisposable
    {
        internal TestLayer(int kvHeads, int group, int dim, int length, int seed)
        {
            Heads = new HeadShape(kvHeads * group, kvHeads, dim);
            Length = length;
            using var random = new RandomTensors(seed);
            QueryKeyValue = random.Floats(length * Heads.RowSize);
            Keys = Split(Heads.QuerySize);
            Values = Split(Heads.QuerySize + Heads.KeySize);
            Cache = NewCache();
        }

        internal HeadShape Heads { get; }

        internal int Length { get; }

        internal float[] QueryKeyValue { get; }

        internal float[][][] Keys { get; }

        internal float[][][] Values { get; }

        internal KvCache Cache { get; private set; }

        internal ReadOnlySpan<float> Query(int row, int head) => QueryKeyValue.AsSpan(row * Heads.RowSize + head * Heads.HeadDim, Heads.HeadDim);

        internal void Clear()
        {
            Cache.Dispose();
            Cache = NewCache();
        }

        internal void Fill() => Append(0, Length);

        internal float[] Prefill(int chunk, int window, WorkerPool workers, out float[] logSumExp)
        {
            var output = new float[Length * Heads.QuerySize];
            logSumExp = new float[Heads.QueryHeads * Length];
            using var scratch = new WorkerScratch(workers.Threads);
            for (int first = 0; first < Length; first += chunk)
            {
                int rows = Math.Min(chunk, Length - first);
                Append(first, rows);
                fixed (float* q = QueryKeyValue, o = output, lse = logSumExp)
                {
                    var pages = new LayerPages(Cache.View(0, first + rows));
                    PrefillAttentionWork.Attend(pages, Heads, window, q + first * Heads.RowSize, first, rows, o + first * Heads.QuerySize, new LogSumExpTarget(lse + first, Length, 0), workers, scratch);
                }
            }

            return output;
        }

        public void Dispose() => Cache.Dispose();

        private KvCache NewCache() => new(new KvShape(1, Heads.QueryHeads, Heads.KvHeads, Heads.HeadDim), Length, hasState: false);

        private void Append(int first, int rows)
        {
            Cache.Reserve(0, rows);
            for (int p = first; p < first + rows; p++)
            {
                for (int h = 0; h < Heads.KvHeads; h++) Cache.Append(0, h, Keys[h][p], Values[h][p], p);
            }
        }

        private float[][][] Split(int start)
            => [.. Enumerable.Range(0, Heads.KvHeads).Select(h => Enumerable.Range(0, Length).Select(p => QueryKeyValue.AsSpan(p * Heads.RowSize + start + h * Heads.HeadDim, Heads.HeadDim).ToArray()).ToArray())];
    }
}
