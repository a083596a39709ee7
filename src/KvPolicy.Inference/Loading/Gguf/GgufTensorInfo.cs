namespace KvPolicy.Inference.Loading.Gguf;

/// <summary>A tensor's entry in the header.</summary>
/// <param name="Name">As written.</param>
/// <param name="Dimensions">Row length first.</param>
/// <param name="TypeId">ggml's number of the storage type; may be one that the engine does not know.</param>
/// <param name="Offset">From the start of the data section.</param>
internal sealed record GgufTensorInfo(string Name, IReadOnlyList<long> Dimensions, uint TypeId, ulong Offset);
