using System.Runtime.ExceptionServices;
using KvPolicy.Evaluation.Scoring;
using KvPolicy.Inference;
using KvPolicy.Inference.Models;

namespace KvPolicy.Evaluation.Runs;

/// <summary>
/// Asks a model the tasks under many policies. A prompt runs through the model once; every policy compresses a copy of its cache and answers.
/// Prompts are spread over threads, each with a sequence of its own at a time, and added up in their order.
/// </summary>
public static class Evaluator
{
    /// <summary>Runs an evaluation on the processor.</summary>
    /// <param name="model">The embedded model, or another one with its tokenizer.</param>
    /// <param name="settings">Tasks, policies, prompts.</param>
    /// <param name="cancellation">Looked at between tokens.</param>
    /// <exception cref="ArgumentException">The settings have no meaning.</exception>
    /// <exception cref="InvalidOperationException">The model's tokenizer is another one, or a policy did not run.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static EvaluationReport Run(Model model, EvaluationSettings settings, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(settings);
        settings.Validate();
        TaskInstance[] instances = [.. settings.Tasks.SelectMany(task => Enumerable.Range(0, settings.PromptsOf(task)).Select(i => task.Instance(settings.Seed, i)))];
        var outcomes = new InstanceOutcome[instances.Length];
        new Spread(model, settings, instances, outcomes, cancellation).Run();
        return Add(settings, instances, outcomes);
    }

    private static EvaluationReport Add(EvaluationSettings settings, TaskInstance[] instances, InstanceOutcome[] outcomes)
    {
        ILookup<EvaluationTask, InstanceOutcome> byTask = instances.Zip(outcomes).ToLookup(pair => pair.First.Task, pair => pair.Second);
        return new EvaluationReport(
            Row(outcome => outcome.Full, outcome => outcome.PromptTokens),
            Row(outcome => outcome.WithoutShots, outcome => outcome.BareTokens),
            [.. settings.Cells.Select((cell, i) => new PolicyRow(cell, Row(outcome => outcome.Cells[i], outcome => outcome.PromptTokens)))]);

        RowFigures Row(Func<InstanceOutcome, RowOutcome> row, Func<InstanceOutcome, int> tokens)
        {
            var figures = new OrderedDictionary<string, TaskFigures>();
            foreach (EvaluationTask task in settings.Tasks) figures.Add(task.Name, Figures([.. byTask[task]], row, tokens));
            return new RowFigures(figures);
        }
    }

    private static TaskFigures Figures(InstanceOutcome[] outcomes, Func<InstanceOutcome, RowOutcome> row, Func<InstanceOutcome, int> tokens)
    {
        int trials = outcomes.Sum(outcome => outcome.Items);
        double right = outcomes.Sum(outcome => outcome.Items * row(outcome).Score);
        return new TaskFigures(
            right / trials,
            WilsonInterval.Of(Math.Min(right, trials), trials),
            outcomes.Average(outcome => row(outcome).Agreement),
            outcomes.Average(outcome => row(outcome).Kept),
            outcomes.Average(outcome => (double)row(outcome).CacheBytes),
            outcomes.Length,
            trials,
            new TokenSpan(outcomes.Min(tokens), outcomes.Average(tokens), outcomes.Max(tokens)));
    }

    /// <summary>The prompts spread over threads. Each takes the next one, the longest answers first, and writes its own place.</summary>
    private sealed class Spread(Model model, EvaluationSettings settings, TaskInstance[] instances, InstanceOutcome[] outcomes, CancellationToken cancellation)
    {
        private readonly Lock _gate = new();
        private readonly Queue<int> _left = new(Enumerable.Range(0, instances.Length).OrderByDescending(i => Cost(instances[i])));
        private Exception? _failure;
        private int _done;

        internal void Run()
        {
            int threads = Math.Min(settings.Threads > 0 ? settings.Threads : Environment.ProcessorCount, instances.Length);
            Thread[] others = [.. Enumerable.Range(1, threads - 1).Select(i => new Thread(Work) { IsBackground = true, Name = $"evaluation {i}" })];
            foreach (Thread thread in others) thread.Start();
            Work();
            foreach (Thread thread in others) thread.Join();
            if (_failure is { } failure) ExceptionDispatchInfo.Throw(failure);
        }

        private void Work()
        {
            try
            {
                using InferenceEngine engine = InferenceEngine.Over(model, new EngineOptions("cpu", Threads: 1));
                var runner = new InstanceRunner(engine, settings.Cells);
                while (Take(out int next))
                {
                    outcomes[next] = runner.Run(instances[next], cancellation);
                    lock (_gate) settings.Progress?.Invoke((double)++_done / instances.Length);
                }
            }
            catch (Exception e)
            {
                lock (_gate)
                {
                    _failure ??= e;
                    _left.Clear();
                }
            }
        }

        private bool Take(out int next)
        {
            lock (_gate) return _left.TryDequeue(out next);
        }

        private static int Cost(TaskInstance instance) => instance.Prompt.ShotOfToken.Count + 16 * instance.Task.MaxAnswerTokens;
    }
}
