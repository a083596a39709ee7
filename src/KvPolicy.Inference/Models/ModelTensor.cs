namespace KvPolicy.Inference.Models;

/// <summary>How the numbers of a tensor are stored. Names are GGUF's.</summary>
internal enum TensorType
{
    /// <summary>32-bit float.</summary>
    F32,

    /// <summary>16-bit IEEE float.</summary>
    F16,

    /// <summary>Upper half of a 32-bit float.</summary>
    BF16,

    /// <summary>Blocks of 32: f16 scale, 32 signed bytes.</summary>
    Q8_0,

    /// <summary>Blocks of 32: f16 scale, 32 nibbles minus 8.</summary>
    Q4_0,

    /// <summary>Blocks of 32: f16 scale and minimum, 32 nibbles.</summary>
    Q4_1,

    /// <summary>Blocks of 32: f16 scale, 32 five-bit numbers minus 16.</summary>
    Q5_0,

    /// <summary>Blocks of 32: f16 scale and minimum, 32 five-bit numbers.</summary>
    Q5_1,

    /// <summary>Super-blocks of 256: eight 6-bit scales and minima, 256 nibbles.</summary>
    Q4_K,

    /// <summary>Super-blocks of 256: sixteen 8-bit scales, 256 six-bit numbers.</summary>
    Q6_K,
}

/// <summary>A matrix [Rows, Columns] (a vector has one row) as it lies in a mapped file; y = W x. Valid while its model lives.</summary>
internal sealed unsafe class ModelTensor
{
    internal ModelTensor(string name, TensorType type, int rows, int columns, byte* data, long bytes)
    {
        (Name, Type, Rows, Columns, Bytes) = (name, type, rows, columns, bytes);
        Data = data;
    }

    /// <summary>Name in the file.</summary>
    public string Name { get; }

    /// <summary>Storage.</summary>
    public TensorType Type { get; }

    /// <summary>Outputs.</summary>
    public int Rows { get; }

    /// <summary>Inputs; a multiple of the block length of <see cref="Type"/>.</summary>
    public int Columns { get; }

    /// <summary>Bytes of the whole tensor.</summary>
    public long Bytes { get; }

    /// <summary>First byte; may lie at any alignment.</summary>
    internal byte* Data { get; }

    /// <summary>Bytes of one row.</summary>
    public long RowBytes => Bytes / Rows;
}
