using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text.Json;
using KvPolicy.Inference.Loading;
using KvPolicy.Inference.Loading.Gguf;
using KvPolicy.Inference.Models;
using KvPolicy.Inference.Tests.Support;

namespace KvPolicy.Inference.Tests.Loading;

public unsafe class DequantizerTests
{
    public static TheoryData<string> Quants => ["F32", "F16", "BF16", "Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q4_K", "Q6_K", "qwen2-Q8_0", "qwen3-Q8_0"];

    /// <summary>Witness: SHA-256 of every tensor as gguf-py dequantises it.</summary>
    [SkippableTheory]
    [MemberData(nameof(Quants))]
    public void Every_tensor_is_to_the_bit_what_the_reference_makes_of_it(string name)
    {
        using JsonDocument goldens = JsonDocument.Parse(File.ReadAllBytes(SharedData.Model("quants", "goldens.json")));
        JsonElement golden = goldens.RootElement.GetProperty("files").EnumerateArray().Single(f => f.GetProperty("file").GetString() == name + ".gguf");
        using GgufFile file = GgufFile.Open(SharedData.Model("quants", name + ".gguf"));
        var table = new TensorTable(file.Path);
        GgufTensors.AddTo(table, file);
        int compared = 0;
        foreach (JsonProperty tensor in golden.GetProperty("tensors").EnumerateObject())
        {
            long[] shape = [.. tensor.Value.GetProperty("shape").EnumerateArray().Select(n => n.GetInt64())];
            ModelTensor found = shape.Length == 1 ? table.Vector(tensor.Name, shape[0]) : table.Matrix(tensor.Name, shape[0], shape[1]);
            byte[] hash = SHA256.HashData(MemoryMarshal.AsBytes(Dequantizer.All(found).AsSpan()));
            Assert.Equal(tensor.Value.GetProperty("sha256_f32le").GetString(), Convert.ToHexStringLower(hash));
            compared++;
        }
        Assert.Equal(file.Tensors.Count, compared);
    }

    [Fact]
    public void Every_f16_bit_pattern_is_widened_exactly()
    {
        var halves = new ushort[65536 + 3];
        for (int i = 0; i < halves.Length; i++) halves[i] = (ushort)i;
        fixed (ushort* data = halves)
        {
            float[] wide = Dequantizer.All(new ModelTensor("t", TensorType.F16, 1, halves.Length, (byte*)data, 2 * halves.Length));
            for (int i = 0; i < halves.Length; i++)
            {
                float expected = (float)BitConverter.UInt16BitsToHalf(halves[i]);
                Assert.True(float.IsNaN(expected) ? float.IsNaN(wide[i]) : BitConverter.SingleToInt32Bits(expected) == BitConverter.SingleToInt32Bits(wide[i]), $"{i:X4}");
            }
        }
    }

    [Fact]
    public void A_row_may_begin_at_any_byte()
    {
        byte[] bytes = new byte[1 + 2 * 34];
        new Random(7).NextBytes(bytes);
        BitConverter.TryWriteBytes(bytes.AsSpan(1), (Half)0.5f);
        BitConverter.TryWriteBytes(bytes.AsSpan(35), (Half)(-3f));
        fixed (byte* data = bytes)
        {
            var tensor = new ModelTensor("t", TensorType.Q8_0, 2, 32, data + 1, 68);
            var row = new float[32];
            Dequantizer.Row(tensor, 1, row);
            for (int i = 0; i < 32; i++) Assert.Equal(-3f * (sbyte)bytes[37 + i], row[i]);
            Assert.Throws<ArgumentOutOfRangeException>(() => Dequantizer.Row(tensor, 2, new float[32]));
            Assert.Throws<ArgumentOutOfRangeException>(() => Dequantizer.Row(tensor, 0, new float[31]));
        }
    }
}
