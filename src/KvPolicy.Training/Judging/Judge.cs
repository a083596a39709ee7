using System.Globalization;
using KvPolicy.Evaluation;
using KvPolicy.Evaluation.Scoring;

namespace KvPolicy.Training.Judging;

/// <summary>Right answers out of so many.</summary>
/// <param name="Task">The task.</param>
/// <param name="Variant">Which part of the prompt was given.</param>
/// <param name="Right">Right answers, or right items.</param>
/// <param name="Asked">Answers or items asked for.</param>
internal sealed record Judgement(EvaluationTask Task, PromptVariant Variant, double Right, int Asked)
{
    /// <summary>Share in percent with its interval.</summary>
    public override string ToString()
    {
        WilsonInterval interval = WilsonInterval.Of(Right, Asked);
        return string.Create(CultureInfo.InvariantCulture, $"{100 * Right / Asked:0.0} [{100 * interval.Low:0.0}, {100 * interval.High:0.0}]");
    }
}

/// <summary>The seven tasks on prompts that training never saw.</summary>
internal static class Judge
{
    /// <summary>Seed of the prompts whose figures are published.</summary>
    internal const ulong PublishedSeed = 1;

    private const ulong MonitoringSeed = 1_000;
    private const int LongGenerationShare = 5;
    private const int RemovedShare = 5;

    /// <summary>Percent of prompts answered right, in the order of <see cref="EvaluationTasks.All"/>: a quick look while training.</summary>
    internal static double[] Monitor(Decoder decoder, int prompts) => [.. EvaluationTasks.All.Select(task =>
    {
        int right = Enumerable.Range(0, prompts).Count(i => decoder.IsAnswerMostLikely(task.Instance(MonitoringSeed, i)));
        return 100.0 * right / prompts;
    })];

    /// <summary>
    /// Greedy answers to whole prompts, and to prompts without the part that a task depends on (a fifth as many). Long generation, whose prompts
    /// have eight items each, gets a fifth of the prompts.
    /// </summary>
    internal static IEnumerable<Judgement> Publish(Decoder decoder, int prompts, ulong seed)
    {
        foreach (EvaluationTask task in EvaluationTasks.All)
        {
            int count = task.ScoresItems ? Math.Max(1, prompts / LongGenerationShare) : prompts;
            yield return Ask(decoder, task, PromptVariant.Full, count, seed);
            if (task.Depends != PromptVariant.Full) yield return Ask(decoder, task, task.Depends, Math.Max(1, count / RemovedShare), seed);
        }
    }

    private static Judgement Ask(Decoder decoder, EvaluationTask task, PromptVariant variant, int prompts, ulong seed)
    {
        double right = 0;
        int asked = 0;
        for (int i = 0; i < prompts; i++)
        {
            TaskInstance instance = task.Instance(seed, i);
            int items = task.ScoresItems ? instance.AnswerWords.Count(word => word == ".") : 1;
            right += items * instance.Score(decoder.Greedy(instance.Variant(variant), task.MaxAnswerTokens));
            asked += items;
        }

        return new Judgement(task, variant, right, asked);
    }
}
