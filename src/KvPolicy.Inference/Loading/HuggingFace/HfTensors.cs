using KvPolicy.Inference.Loading.Safetensors;
using KvPolicy.Inference.Models;

namespace KvPolicy.Inference.Loading.HuggingFace;

/// <summary>Turns entries of safetensors files into tensors of the mapping.</summary>
internal static unsafe class HfTensors
{
    internal static ListedTensor Locate(SafetensorsFile file, SafetensorsEntry entry)
    {
        TensorType type = entry.Type switch
        {
            SafetensorsType.F32 => TensorType.F32,
            SafetensorsType.F16 => TensorType.F16,
            SafetensorsType.BF16 => TensorType.BF16,
            _ => throw LoadError.Of(file.Path, entry.Name, $"weights of type {entry.Type} are not supported", "use F32, F16 or BF16 weights"),
        };
        long columns = entry.Shape.Count == 0 ? 1 : entry.Shape[^1];
        long rows = entry.Shape.SkipLast(1).Aggregate(1L, (product, n) => product * n);
        if (rows is 0 or > int.MaxValue || columns is 0 or > int.MaxValue)
        {
            throw LoadError.Damaged(file.Path, entry.Name, $"the shape {entry.ShapeText} is empty or too large");
        }
        var tensor = new ModelTensor(entry.Name, type, (int)rows, (int)columns, file.Bytes.Data + entry.Offset, entry.Bytes);
        return new ListedTensor(file.Path, tensor, entry.Shape);
    }
}
