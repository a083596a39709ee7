using CsCheck;
using KvPolicy.Inference.Loading.Safetensors;
using KvPolicy.Inference.Models;
using KvPolicy.Inference.Tests.Loading.Building;
using KvPolicy.Inference.Tests.Support;

namespace KvPolicy.Inference.Tests.Loading;

public sealed class SafetensorsTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void What_is_written_is_read_back()
        => Gen.Select(Gen.Single.Array[0, 50], Gen.Int.Array[0, 9], Gen.Byte.Array[0, 9]).Sample((f32, i32, u8) =>
        {
            string path = _folder.At("t.safetensors");
            SafetensorsWriter.Write(path, (new("a \"b\"\n", SafetensorsType.F32, f32.Length), f32), (new("i", SafetensorsType.I32, 1, i32.Length), i32),
                (new("u", SafetensorsType.U8, u8.Length, 1), u8));
            using SafetensorsFile file = SafetensorsFile.Open(path);
            Assert.Equal(f32, file.ReadF32("a \"b\"\n"));
            Assert.Equal(i32, file.ReadI32("i"));
            Assert.Equal(u8, file.ReadU8("u"));
            Assert.Equal([1, i32.Length], file.Get("i").Shape);
        }, iter: 50, threads: 1);

    [SkippableFact]
    public void A_file_by_others_is_read()
    {
        using SafetensorsFile file = SafetensorsFile.Open(SharedData.Model("quants", "goldens.safetensors"));
        Assert.Equal([3, 512], file.Get("logits.Q4_K").Shape);
        Assert.Equal(3 * 512, file.ReadF32("logits.Q4_K").Length);
    }

    [Fact]
    public void A_large_tensor_is_written_row_by_row_in_bounded_memory()
    {
        string path = _folder.At("rows.safetensors");
        const int rows = 400, columns = 10_000;
        var row = new float[columns];
        long before = GC.GetAllocatedBytesForCurrentThread();
        using (SafetensorsWriter writer = SafetensorsWriter.Create(path, new SafetensorsSpec("logits", SafetensorsType.F32, rows, columns)))
        {
            for (int i = 0; i < rows; i++)
            {
                row.AsSpan().Fill(i);
                writer.Append<float>(row);
            }
            writer.Complete();
        }
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 20);
        using SafetensorsFile file = SafetensorsFile.Open(path);
        float[] read = file.ReadF32("logits");
        Assert.All(Enumerable.Range(0, rows), i => Assert.Equal(i, read[i * columns + columns - 1]));
    }

    [Fact]
    public void An_older_file_stays_until_the_new_one_is_complete()
    {
        string path = _folder.Write("old.safetensors", "old");
        using (SafetensorsWriter writer = SafetensorsWriter.Create(path, new SafetensorsSpec("a", SafetensorsType.F32, 2)))
        {
            writer.Append<float>([1f]);
            Assert.Throws<InvalidOperationException>(writer.Complete);
            Assert.Throws<InvalidOperationException>(() => writer.Append<int>([1]));
            Assert.Throws<InvalidOperationException>(() => writer.Append<float>([1f, 2f]));
        }
        Assert.Equal("old", File.ReadAllText(path));
        Assert.Single(Directory.EnumerateFileSystemEntries(_folder.Path));
        SafetensorsWriter.Write(path, (new("a", SafetensorsType.F32, 1), new[] { 5f }));
        Assert.Single(Directory.EnumerateFileSystemEntries(_folder.Path));
        using SafetensorsFile file = SafetensorsFile.Open(path);
        Assert.Equal([5f], file.ReadF32("a"));
    }

    [Fact]
    public void What_cannot_be_written_is_refused_before_anything_is_touched()
    {
        Assert.Throws<IOException>(() => SafetensorsWriter.Create(_folder.Path, new SafetensorsSpec("a", SafetensorsType.F32, 1)));
        Assert.Throws<IOException>(() => SafetensorsWriter.Create("/dev/null", new SafetensorsSpec("a", SafetensorsType.F32, 1)));
        Assert.Throws<ArgumentException>(() => SafetensorsWriter.Create(_folder.At("x"), new SafetensorsSpec("a", SafetensorsType.F64, 1)));
        Assert.Throws<ArgumentException>(() => SafetensorsWriter.Create(_folder.At("x"), new("a", SafetensorsType.F32, 1), new("a", SafetensorsType.U8, 1)));
        Assert.ThrowsAny<IOException>(() => SafetensorsWriter.Create(_folder.At("no/such/x"), new SafetensorsSpec("a", SafetensorsType.F32, 1)));
        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder.Path));
    }

    [Theory]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", null)]
    [InlineData("""{"__metadata__":null,"a":{"dtype":"F32","shape":[],"data_offsets":[4,8]}}""", null)]
    [InlineData("""{"a":{"dtype":"F32","shape":[0,9],"data_offsets":[8,8]}}""", null)]
    [InlineData("""{}""", null)]
    [InlineData("""{"__metadata__":[]}""", "__metadata__")]
    [InlineData("""[]""", "no JSON object")]
    [InlineData("""{""", "no valid JSON")]
    [InlineData("""{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":1}}}}}}}}}""", "a")]
    [InlineData("""{"a":1}""", "not an object")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}""", "no valid JSON")]
    [InlineData("""{"a":{"dtype":"F33","shape":[1],"data_offsets":[0,4]}}""", "F33")]
    [InlineData("""{"a":{"dtype":"11","shape":[1],"data_offsets":[0,4]}}""", "11")]
    [InlineData("""{"a":{"dtype":5,"shape":[1],"data_offsets":[0,4]}}""", "dtype")]
    [InlineData("""{"a":{"dtype":"F32","shape":1,"data_offsets":[0,4]}}""", "shape")]
    [InlineData("""{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}""", "-1")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}}""", "1.5")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[0,4]}}""", "more than 8")]
    [InlineData("""{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0]}}""", "too large")]
    [InlineData("""{"a":{"dtype":"F32","shape":[9223372036854775807,9223372036854775807,9223372036854775807],"data_offsets":[0,0]}}""", "too large")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0]}}""", "data_offsets")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}""", "data_offsets")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,8]}}""", "data_offsets give 8")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}}""", "do not lie")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[9223372036854775803,9223372036854775807]}}""", "do not lie")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[2,6]}}""", "shares bytes")]
    [InlineData("""{"\ud800":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", "no Unicode")]
    public void Headers_are_checked_against_the_file(string header, string? word)
    {
        string path = _folder.Write("t.safetensors", SafetensorsBytes.Of(header, new byte[8]));
        if (word is null)
        {
            SafetensorsFile.Open(path).Dispose();
            return;
        }
        var e = Assert.Throws<ModelFormatException>(() => SafetensorsFile.Open(path));
        LoadAssert.OneLine(e, path);
        Assert.Contains(word, e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(new byte[] { 1, 2, 3 })]
    [InlineData(new byte[] { 255, 255, 255, 255, 255, 255, 255, 255, 123, 125 })]
    [InlineData(new byte[] { 3, 0, 0, 0, 0, 0, 0, 0, 123, 125 })]
    [InlineData(new byte[] { 2, 0, 0, 0, 0, 0, 0, 0, 123, 255 })]
    [InlineData(new byte[] { 0, 0, 0, 0, 0, 0, 0, 0 })]
    public void Header_lengths_are_checked_against_the_file(byte[] bytes)
    {
        string path = _folder.Write("t.safetensors", bytes);
        LoadAssert.OneLine(Assert.Throws<ModelFormatException>(() => SafetensorsFile.Open(path)), path);
    }

    [Fact]
    public void Another_type_or_name_than_asked_for_is_refused_by_name()
    {
        string path = _folder.At("t.safetensors");
        SafetensorsWriter.Write(path, (new("a", SafetensorsType.F32, 1), new[] { 1f }));
        using SafetensorsFile file = SafetensorsFile.Open(path);
        Assert.Contains("a: is F32, not I32", Assert.Throws<ModelFormatException>(() => file.ReadI32("a")).Message, StringComparison.Ordinal);
        Assert.Contains("b: the tensor is missing", Assert.Throws<ModelFormatException>(() => file.ReadF32("b")).Message, StringComparison.Ordinal);
    }
}
