using KvPolicy.Inference;
using KvPolicy.Inference.Models;

namespace KvPolicy.Evaluation.Runs;

/// <summary>Speed of a full cache and of every cell.</summary>
/// <param name="PromptTokens">Tokens of the prompt that was read.</param>
/// <param name="DecodedTokens">Tokens that were decoded after it, the same for all.</param>
/// <param name="Repetitions">Runs of each, of which the median is given.</param>
/// <param name="Threads">Threads of the one sequence.</param>
/// <param name="Full">The full cache.</param>
/// <param name="Cells">One for each cell, the same in both modes: whether the question is among the compressed tokens is no matter of speed.</param>
public sealed record SpeedReport(int PromptTokens, int DecodedTokens, int Repetitions, int Threads, TokenRates Full, IReadOnlyList<TokenRates> Cells);

/// <summary>
/// Measures speed apart from quality: one sequence alone on all threads, prefill and compression in one run each, the same prompt, wholly
/// compressed, and the same tokens after it for all. Policies take turns, so that a machine that slows down slows all of them.
/// </summary>
public static class SpeedMeter
{
    private const int Decoded = 64;
    private const int Repetitions = 3;
    private const int Candidates = 32;

    /// <summary>Measures.</summary>
    /// <param name="model">The model.</param>
    /// <param name="settings">Cells, seed, threads.</param>
    /// <param name="cancellation">Looked at between runs.</param>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static SpeedReport Measure(Model model, EvaluationSettings settings, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(settings);
        // The longest of some long-context prompts: where there is most to prefill and to keep.
        TaskInstance instance = Enumerable.Range(0, Candidates).Select(i => EvaluationTasks.LongContext.Instance(settings.Seed, i)).MaxBy(i => i.Prompt.ShotOfToken.Count)!;
        using InferenceEngine engine = InferenceEngine.Over(model, new EngineOptions("cpu", settings.Threads));
        int[] ids = PromptTokens.Of(instance.Prompt, engine.Tokenizer);
        int decoded = Math.Min(Decoded, model.Config.ContextLength - ids.Length);
        int[] more = [.. Enumerable.Range(0, decoded).Select(i => ids[i])];
        (PolicyInfo Policy, Budget Keep)[] evicting = [.. settings.Cells.Where(cell => !cell.KeepsAll).Select(cell => (cell.Policy, cell.Keep)).Distinct()];
        PromptRequest[] requests = [new PromptRequest { Prompt = ids }, .. evicting.Select(entry => Request(new PolicyCell(entry.Policy, entry.Keep, default), instance.Prompt, ids))];
        TokenRates[][] rates = [.. requests.Select(_ => new TokenRates[Repetitions])];
        _ = Time(engine, requests[0], more, cancellation);
        for (int repetition = 0; repetition < Repetitions; repetition++)
        {
            for (int i = 0; i < requests.Length; i++)
            {
                rates[i][repetition] = Time(engine, requests[i], more, cancellation);
                settings.Progress?.Invoke((repetition * requests.Length + i + 1.0) / (Repetitions * requests.Length));
            }
        }

        TokenRates[] medians = [.. rates.Select(Median)];
        TokenRates[] cells = [.. settings.Cells.Select(cell => cell.KeepsAll ? medians[0] : medians[1 + Array.IndexOf(evicting, (cell.Policy, cell.Keep))])];
        return new SpeedReport(ids.Length, decoded, Repetitions, settings.Threads > 0 ? settings.Threads : Environment.ProcessorCount, medians[0], cells);
    }

    private static PromptRequest Request(PolicyCell cell, TaskPrompt prompt, int[] ids)
    {
        PolicySettings settings = cell.SettingsFor(ids.Length, seed: 0);
        return new PromptRequest { Prompt = ids, Policy = cell.Policy.Create(settings), Shots = prompt.ShotOfToken };
    }

    private static TokenRates Time(InferenceEngine engine, PromptRequest request, int[] more, CancellationToken cancellation)
        => engine.Feed(request, more, (_, _) => { }, cancellation).TokensPerSecond;

    private static TokenRates Median(TokenRates[] runs) => new(Middle([.. runs.Select(run => run.Prefill)]), Middle([.. runs.Select(run => run.Decode)]));

    private static double Middle(double[] values) => values.Order().ElementAt(values.Length / 2);
}
