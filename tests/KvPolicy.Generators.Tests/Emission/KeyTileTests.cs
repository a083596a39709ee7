using CsCheck;

namespace KvPolicy.Generators.Tests.Emission;

/// <summary>The leaves that generated code calls, against the formulas in double precision.</summary>
public class KeyTileTests
{
    private static readonly Gen<float> Small = Gen.Float[-2f, 2f];

    [Fact]
    public void Dots() => Gen.Select(Gen.Int[0, 21], Gen.Int[1, 40], Gen.Int[0, 5]).SelectMany((rows, dim, gap) => Gen.Select(Small.Array[Math.Max(1, rows * (dim + gap))], Small.Array[dim * 32], (queries, keys) => (rows, dim, gap, queries, keys))).Sample(one =>
    {
        (int rows, int dim, int gap, float[] queries, float[] keys) = one;
        int stride = dim + gap;
        var logits = new float[rows * 32];
        KeyTile.Dots(queries, stride, rows, keys, 0.5f, logits);
        for (int i = 0; i < logits.Length; i++)
        {
            double dot = 0;
            for (int c = 0; c < dim; c++) dot += (double)queries[(i / 32 * stride) + c] * keys[(c * 32) + (i % 32)];
            Assert.Equal(dot / 2, logits[i], 1e-4);
        }
    }, iter: 200);

    [Fact]
    public void Probabilities_of_what_rows_see() => Gen.Select(Gen.Int[1, 20], Gen.Int[1, 32], Gen.Int[0, 40], Gen.Int[0, 60], Gen.Int[0, 12], Small.Array[20 * 32], Small.Array[20]).Sample((rows, held, firstRow, firstKey, window, logits, lse) =>
    {
        // Slots past the held ones carry what was there before.
        int[] positions = [.. Enumerable.Range(0, 32).Select(slot => slot < held ? firstKey + (2 * slot) : 0)];
        var mass = new float[32];
        mass.AsSpan().Fill(1f);
        KeyTile.AddProbabilities(logits.AsSpan(0, rows * 32), lse.AsSpan(0, rows), firstRow, positions, held, window, mass);
        int from = 0, to = rows;
        KeyTile.SeeingRows(positions, held, firstRow, window, ref from, ref to);
        for (int key = 0; key < 32; key++)
        {
            double sum = 1;
            for (int row = 0; row < rows; row++)
            {
                int age = firstRow + row - positions[key];
                bool sees = key < held && age >= 0 && (window == 0 || age < window);
                if (sees) sum += Math.Exp((double)logits[(row * 32) + key] - lse[row]);
                if (sees) Assert.InRange(row, from, to - 1);
            }

            Assert.Equal(sum, mass[key], 1e-5 * sum);
        }
    }, iter: 500);

    [Fact]
    public void Norms() => Gen.Int[1, 70].SelectMany(dim => Small.Array[dim * 32]).Sample(tensor =>
    {
        int dim = tensor.Length / 32;
        float[] keys = new float[32], values = new float[32];
        KeyTile.KeyNorms(tensor, keys);
        KeyTile.ValueNorms(tensor, values);
        for (int j = 0; j < 32; j++)
        {
            Assert.Equal(Math.Sqrt(Enumerable.Range(0, dim).Sum(c => Math.Pow(tensor[(c * 32) + j], 2))), keys[j], 1e-5);
            Assert.Equal(Math.Sqrt(Enumerable.Range(0, dim).Sum(c => Math.Pow(tensor[(j * dim) + c], 2))), values[j], 1e-5);
        }
    }, iter: 200);

    [Fact]
    public void Sums_and_multiples() => Gen.Select(Small.Array[32], Small.Array[32], Small).Sample((values, sums, factor) =>
    {
        float[] added = [.. sums], scaled = [.. values];
        KeyTile.Add(values, added);
        KeyTile.Scale(scaled, factor);
        for (int j = 0; j < 32; j++) Assert.Equal((sums[j] + values[j], values[j] * factor), (added[j], scaled[j]));
    }, iter: 100);
}
