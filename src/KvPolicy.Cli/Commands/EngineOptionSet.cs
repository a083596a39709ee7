using KvPolicy.Cli.CommandLine;
using KvPolicy.Cli.Output;
using KvPolicy.Inference;

namespace KvPolicy.Cli.Commands;

/// <summary>Where and how a model runs.</summary>
internal static class EngineOptionSet
{
    /// <summary>The options.</summary>
    internal static IReadOnlyList<Option> All { get; } =
    [
        new("--schedule", "S", "order of the prefill: all rows through a layer, or all layers for a chunk of rows; layer if left out") { Choices = ["layer", "chunk"] },
        new("--device", "D", "where it runs; auto if left out") { Choices = ["auto", "cpu", "simulator", "cuda", "opencl"] },
        new("--cache", "C", "how keys and values are stored; f32 if left out") { Choices = ["f32", "f16", "bf16", "int8", "int4"] },
        new("--threads", "N", "threads of the processor; one a core if left out"),
    ];

    /// <summary>Loads the model onto the device.</summary>
    /// <param name="arguments">The options.</param>
    /// <param name="session">Where a fetch shows how far it is.</param>
    internal static InferenceEngine Load(Arguments arguments, Session session)
    {
        if (arguments.Text("--cache") is { } cache and not "f32") throw new UsageException($"--cache '{cache}': this version stores keys and values as f32 only; leave --cache out");
        int threads = arguments.Whole("--threads", 1, 1024) ?? 0;
        return InferenceEngine.Load(ModelOptions.Locate(arguments, session), new EngineOptions(arguments.Text("--device") ?? "auto", threads, ModelOptions.TokenizerOf(arguments)));
    }

    /// <summary>Order of the prefill.</summary>
    internal static PrefillSchedule Schedule(Arguments arguments) => arguments.Text("--schedule") == "chunk" ? PrefillSchedule.ChunkMajor : PrefillSchedule.LayerMajor;
}
