using KvPolicy.Evaluation.Scoring;

namespace KvPolicy.Evaluation.Runs;

/// <summary>Figures of one row on one task.</summary>
/// <param name="Accuracy">Share of right answers (long generation: of right items), 0..1.</param>
/// <param name="Interval">Wilson's 95 % interval of the accuracy; items of one answer count as independent.</param>
/// <param name="Agreement">
/// Share of the answer's tokens that are those of the full cache: equal tokens at equal places over the places of the longer answer, mean over
/// the prompts, 0..1. It needs no right answer to compare with.
/// </param>
/// <param name="Kept">Tokens that stay of the n that are compressed, mean over layers, KV heads and prompts, over n.</param>
/// <param name="CacheBytes">Keys and values after prefill and compression, in whole pages, mean over the prompts.</param>
/// <param name="Prompts">Prompts asked.</param>
/// <param name="Trials">Answers or items judged.</param>
/// <param name="PromptTokens">Tokens of a prompt, the start token included.</param>
public sealed record TaskFigures(double Accuracy, WilsonInterval Interval, double Agreement, double Kept, double CacheBytes, int Prompts, int Trials, TokenSpan PromptTokens);

/// <summary>Lengths of some prompts.</summary>
/// <param name="Least">Tokens of the shortest.</param>
/// <param name="Mean">Mean.</param>
/// <param name="Most">Tokens of the longest.</param>
public readonly record struct TokenSpan(int Least, double Mean, int Most);

/// <summary>Figures of one row: a policy, or a full cache.</summary>
/// <param name="ByTask">By the short name of the task, in the order of the tasks.</param>
public sealed record RowFigures(IReadOnlyDictionary<string, TaskFigures> ByTask)
{
    /// <summary>Mean accuracy over the tasks.</summary>
    public double Accuracy => ByTask.Values.Average(task => task.Accuracy);

    /// <summary>Mean agreement over the tasks.</summary>
    public double Agreement => ByTask.Values.Average(task => task.Agreement);

    /// <summary>Mean share that stays, over the tasks.</summary>
    public double Kept => ByTask.Values.Average(task => task.Kept);

    /// <summary>Mean bytes over the tasks.</summary>
    public double CacheBytes => ByTask.Values.Average(task => task.CacheBytes);

    /// <summary>Mean accuracy over some tasks, with an interval; null where none of them was evaluated.</summary>
    public MeanInterval? Over(IEnumerable<EvaluationTask> tasks)
    {
        ArgumentNullException.ThrowIfNull(tasks);
        List<TaskFigures> figures = [.. tasks.Where(task => ByTask.ContainsKey(task.Name)).Select(task => ByTask[task.Name])];
        return figures.Count == 0 ? null : MeanInterval.Of([.. figures.Select(f => (f.Accuracy, f.Interval))]);
    }
}

/// <summary>A policy's row.</summary>
/// <param name="Cell">Policy, budget, mode.</param>
/// <param name="Figures">What came of it.</param>
public sealed record PolicyRow(PolicyCell Cell, RowFigures Figures);

/// <summary>What came of an evaluation. The same settings give the same report on the same machine, whatever the number of threads.</summary>
/// <param name="Full">The full cache.</param>
/// <param name="WithoutShots">
/// The full cache on prompts that lack what the task depends on: shots, records and filler, or the system line. What compression can lose is
/// what lies between the two rows.
/// </param>
/// <param name="Rows">One for each cell, in their order.</param>
public sealed record EvaluationReport(RowFigures Full, RowFigures WithoutShots, IReadOnlyList<PolicyRow> Rows);
