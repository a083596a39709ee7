using CsCheck;
using KvPolicy.Inference.Models;
using KvPolicy.Inference.Ops.Weights;

namespace KvPolicy.Inference.Tests.Ops;

/// <summary>Rows as the engine unpacks them against <see cref="Dequantizer"/>, which is checked against gguf-py.</summary>
public unsafe class WeightRowsTests
{
    public static TheoryData<string> Types => new(RandomTensors.Formats.Select(f => f.Type.ToString()));

    [Theory]
    [MemberData(nameof(Types))]
    public void Unpacked_and_packed_rows_have_the_bits_of_the_reference(string format)
        => Gen.Select(Gen.Int[1, 70], Gen.Int[1, 6], Gen.Int[0, 3], Gen.Int[0, 1 << 20]).Sample(
            (rows, blocks, misalignment, seed) =>
            {
                using var tensors = new RandomTensors(seed);
                TensorType type = Enum.Parse<TensorType>(format);
                int block = RandomTensors.Format(type).Block, columns = block == 1 ? 1 + seed % 150 : blocks * block;
                ModelTensor tensor = tensors.Create(type, rows, columns, misalignment);
                WeightRows reader = WeightRows.Of(tensor);
                float[] want = Dequantizer.All(tensor), row = new float[columns], panel = new float[columns * 32];
                int first = seed % rows, count = Math.Min(32, rows - first);
                fixed (float* p = row, q = panel)
                {
                    reader.Unpack(first, p);
                    reader.Pack(first, count, q);
                }

                Assert.Equal(want.AsSpan(first * columns, columns).ToArray(), row);
                for (int c = 0; c < columns; c++)
                {
                    for (int r = 0; r < 32; r++) Assert.Equal(r < count ? want[(first + r) * columns + c] : 0f, panel[c * 32 + r]);
                }
            },
            iter: 60);

    [Theory]
    [MemberData(nameof(Types))]
    public void A_row_times_an_input_is_the_sum_in_double(string format)
        => Gen.Select(Gen.Int[1, 20], Gen.Int[1, 19], Gen.Int[0, 3], Gen.Int[0, 1 << 20]).Sample(
            (rows, blocks, misalignment, seed) =>
            {
                using var tensors = new RandomTensors(seed);
                TensorType type = Enum.Parse<TensorType>(format);
                int block = RandomTensors.Format(type).Block, columns = block == 1 ? 1 + seed % 300 : Math.Min(blocks, block == 256 ? 3 : 19) * block;
                ModelTensor tensor = tensors.Create(type, rows, columns, misalignment);
                WeightRows reader = WeightRows.Of(tensor);
                float[] weights = Dequantizer.All(tensor), x = tensors.Floats(columns), prepared = new float[reader.PreparedFloats], y = new float[rows];
                fixed (float* px = x, pp = prepared, py = y)
                {
                    reader.Prepare(px, pp);
                    reader.Dot(0, rows, pp, py);
                }

                for (int r = 0; r < rows; r++)
                {
                    (double sum, double size) = Naive.Dot(weights.AsSpan(r * columns, columns), x);
                    // An offset and a scaled sum of either sign meet in formats with a minimum: more rounding than the weights alone show.
                    Assert.True(Math.Abs(sum - y[r]) <= 2e-6 * size + 2e-6 * Math.Sqrt(columns), $"row {r}: {y[r]}, not {sum}");
                }
            },
            iter: 60);
}
