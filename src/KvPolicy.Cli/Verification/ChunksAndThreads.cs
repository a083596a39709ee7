using KvPolicy.Inference.Models;

namespace KvPolicy.Cli.Verification;

/// <summary>Point 3: neither the rows of a prefill chunk nor the number of threads change a bit of the logits, an id, or a kept set.</summary>
internal sealed class ChunksAndThreads : IDisposable
{
    private const string Point = "3 chunk size and threads change nothing";
    private const int Steps = 12;
    private const int WholePrompt = 4096;
    private static readonly int[] ThreadCounts = [1, 2, 3];
    private static readonly int[] ChunkSizes = [1, 29, 64];

    private readonly VerificationPrompt _prompt;
    private readonly TracedEngine[] _engines;

    /// <summary>Prepares an engine for each number of threads.</summary>
    /// <param name="model">The model.</param>
    /// <param name="prompt">The prompt.</param>
    /// <param name="maker">Makes the engines' stores; null for their own.</param>
    internal ChunksAndThreads(Model model, VerificationPrompt prompt, StoreMaker? maker = null)
        => (_prompt, _engines) = (prompt, [.. ThreadCounts.Select(threads => new TracedEngine(model, threads, maker))]);

    /// <summary>Checks a policy.</summary>
    internal PointResult Check(VerifiedPolicy policy)
    {
        TracedRun run = new(_prompt.Ids, _prompt.Shots, policy.Create(), Steps) { ChunkRows = WholePrompt };
        Trace whole = _engines[0].Run(run);
        for (int i = 0; i < ThreadCounts.Length; i++)
        {
            foreach (int rows in (int[])[ChunkSizes[i], WholePrompt])
            {
                if (_engines[i].Run(run with { ChunkRows = rows }).DifferenceFrom(whole) is { } difference)
                    return PointResult.Fail(Point, policy, $"{(rows == WholePrompt ? "the prompt at once" : $"chunks of {rows}")}, {ThreadCounts[i]} threads: {difference}");
            }
        }

        return PointResult.Ok(Point, policy, $"chunks of {string.Join(", ", ChunkSizes)} and all rows, {string.Join(", ", ThreadCounts)} threads: equal to the bit");
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (TracedEngine engine in _engines) engine.Dispose();
    }
}
