namespace KvPolicy.Evaluation.Runs;

/// <summary>What to evaluate.</summary>
public sealed record EvaluationSettings
{
    /// <summary>Tasks, in the order of the tables.</summary>
    public IReadOnlyList<EvaluationTask> Tasks { get; init; } = EvaluationTasks.All;

    /// <summary>Policies with their budgets and modes; empty for the full cache alone.</summary>
    public IReadOnlyList<PolicyCell> Cells { get; init; } = [];

    /// <summary>Prompts of each task.</summary>
    public int Prompts { get; init; } = 40;

    /// <summary>Prompts of a task whose answers have several items.</summary>
    public int ItemPrompts { get; init; } = 8;

    /// <summary>Every seed has prompts of its own; none of them is in a training row.</summary>
    public ulong Seed { get; init; }

    /// <summary>Sequences at a time, each on a thread of its own; 0 for one a core. It changes no result.</summary>
    public int Threads { get; init; }

    /// <summary>Receives the share of the work that is done, 0 to 1, from any thread, one call at a time; null for nobody.</summary>
    public Action<double>? Progress { get; init; }

    /// <summary>Prompts of a task.</summary>
    public int PromptsOf(EvaluationTask task)
    {
        ArgumentNullException.ThrowIfNull(task);
        return task.ScoresItems ? ItemPrompts : Prompts;
    }

    /// <summary>Refuses what has no meaning.</summary>
    /// <exception cref="ArgumentException">No tasks, one twice, or a number below what it may be.</exception>
    internal void Validate()
    {
        if (Tasks.Count == 0 || Tasks.Distinct().Count() != Tasks.Count) throw new ArgumentException("Name at least one task, and each once.", nameof(Tasks));
        ArgumentOutOfRangeException.ThrowIfLessThan(Prompts, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(ItemPrompts, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(Threads);
    }
}
