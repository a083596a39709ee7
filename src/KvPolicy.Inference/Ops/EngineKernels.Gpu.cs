using ILGPU.Runtime;
using KvPolicy.Gpu;
using KvPolicy.Inference.Ops.Attention;
using KvPolicy.Inference.Ops.Products;

namespace KvPolicy.Inference.Ops;

/// <summary>The engine's kernels, loaded for one accelerator.</summary>
internal sealed class EngineKernels(Accelerator accelerator)
{
    internal Kernel<EmbedArguments> Embed { get; } = new(accelerator, EmbeddingGpu.Embed);

    internal Kernel<RmsNormArguments> RmsNorm { get; } = new(accelerator, PointwiseGpu.RmsNorm);

    internal Kernel<HeadArguments> HeadNorm { get; } = new(accelerator, PointwiseGpu.HeadNorm);

    internal Kernel<HeadArguments> Rope { get; } = new(accelerator, PointwiseGpu.Rope);

    internal Kernel<SwiGluArguments> SwiGlu { get; } = new(accelerator, PointwiseGpu.SwiGlu);

    internal Kernel<ProductArguments> MatVec { get; } = new(accelerator, ProductsGpu.MatVec);

    internal Kernel<ProductArguments> Tiled { get; } = new(accelerator, ProductsGpu.Tiled);

    internal Kernel<AppendArguments> AppendRows { get; } = new(accelerator, CacheAppendGpu.AppendRows);

    internal Kernel<AppendArguments> Advance { get; } = new(accelerator, CacheAppendGpu.Advance);

    internal Kernel<AppendArguments> AppendToken { get; } = new(accelerator, CacheAppendGpu.AppendToken);

    internal Kernel<PrefillAttentionArguments> PrefillAttention { get; } = new(accelerator, PrefillAttentionGpu.Attend);

    internal Kernel<DecodeAttentionArguments> AttendPart { get; } = new(accelerator, DecodeAttentionGpu.AttendPart);

    internal Kernel<DecodeAttentionArguments> Combine { get; } = new(accelerator, DecodeAttentionGpu.Combine);
}
