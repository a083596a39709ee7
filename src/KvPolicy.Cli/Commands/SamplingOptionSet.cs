using KvPolicy.Cli.CommandLine;
using KvPolicy.Inference;

namespace KvPolicy.Cli.Commands;

/// <summary>How a command draws tokens.</summary>
internal static class SamplingOptionSet
{
    /// <summary>The options.</summary>
    internal static IReadOnlyList<Option> All { get; } =
    [
        new("--temperature", "T", "0 takes the likeliest token; 0 if left out"),
        new("--top-k", "K", "only the K likeliest tokens; 0 for all; 0 if left out"),
        new("--top-p", "P", "only the likeliest tokens that reach this probability together; 1 for all; 1 if left out"),
        new("--seed", "S", "same seed, same text; 0 if left out"),
    ];

    /// <summary>What was asked for.</summary>
    internal static SamplingOptions Of(Arguments arguments) => new(
        arguments.Real("--temperature", t => t >= 0, "a number of at least 0") ?? 0,
        arguments.UpTo("--top-k") ?? 0,
        arguments.Real("--top-p", p => p is > 0 and <= 1, "a number above 0, at most 1") ?? 1,
        (ulong)(arguments.Seed("--seed") ?? 0));
}
