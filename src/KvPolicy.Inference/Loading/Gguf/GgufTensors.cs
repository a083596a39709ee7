using KvPolicy.Inference.Models;

namespace KvPolicy.Inference.Loading.Gguf;

/// <summary>Turns the header's entries into tensors of the mapping, once every range is known to lie inside the file.</summary>
internal static unsafe class GgufTensors
{
    internal static void AddTo(TensorTable table, GgufFile file)
    {
        var ranges = new TensorRanges(file.Path, file.Bytes.Length);
        foreach (GgufTensorInfo info in file.Tensors) table.Add(Locate(file, info, ranges));
        ranges.RefuseOverlaps();
    }

    private static ListedTensor Locate(GgufFile file, GgufTensorInfo info, TensorRanges ranges)
    {
        if (!TensorStorage.TryFromGgml(info.TypeId, out TensorType type))
        {
            throw LoadError.Of(file.Path, info.Name, $"storage type {info.TypeId} ({TensorStorage.GgmlName(info.TypeId)}) is not supported",
                $"use a file quantised as one of {string.Join(", ", Enum.GetNames<TensorType>())}");
        }
        int columns = (int)info.Dimensions[0];
        long rowBytes = TensorStorage.RowBytes(type, columns);
        if (rowBytes < 0)
        {
            throw LoadError.Damaged(file.Path, info.Name,
                $"rows of {columns} numbers are no whole number of {type} blocks of {TensorStorage.BlockLength(type)}");
        }
        long rows = Rows(file.Path, info);
        UInt128 bytes = (UInt128)(ulong)rows * (ulong)rowBytes;
        UInt128 start = (UInt128)(ulong)file.DataStart + info.Offset;
        ranges.Add(info.Name, Saturate(start), Saturate(bytes));
        var tensor = new ModelTensor(info.Name, type, (int)rows, columns, file.Bytes.Data + (long)start, (long)bytes);
        return new ListedTensor(file.Path, tensor, [.. info.Dimensions.Reverse()]);
    }

    private static long Rows(string file, GgufTensorInfo info)
    {
        long rows = 1;
        foreach (long dimension in info.Dimensions.Skip(1))
        {
            rows *= dimension; // both below 2^31
            if (rows > int.MaxValue) throw LoadError.Damaged(file, info.Name, $"the dimensions {string.Join(" x ", info.Dimensions)} are too large");
        }
        return rows;
    }

    private static ulong Saturate(UInt128 value) => value > ulong.MaxValue ? ulong.MaxValue : (ulong)value;
}
