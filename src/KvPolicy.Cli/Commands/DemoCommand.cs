using System.Diagnostics;
using KvPolicy.Cli.CommandLine;
using KvPolicy.Cli.Output;
using KvPolicy.Cli.Output.Demo;
using KvPolicy.Evaluation;
using KvPolicy.Evaluation.Runs;
using KvPolicy.Inference.Loading;
using KvPolicy.Inference.Models;
using KvPolicy.Policies;

namespace KvPolicy.Cli.Commands;

/// <summary>The policies side by side on the embedded model's tasks: quality, kept tokens, bytes, speed.</summary>
internal static class DemoCommand
{
    private const int DefaultPrompts = 50;
    private const int DefaultSeed = 7;

    // An answer of long generation has eight items and takes as long as eight others.
    private const int LongAnswerShare = 5;

    private static readonly Budget[] DefaultKeeps = [0.5, 0.25, 0.1];

    internal static Command Command { get; } = new()
    {
        Name = "demo",
        Summary = "the policies side by side on the embedded model's tasks: quality, kept tokens, bytes, speed",
        Options =
        [
            new("--prompts", "N", $"prompts of each task, a {LongAnswerShare}th of them where an answer has eight items (with --full all of them); {DefaultPrompts} if left out"),
            new("--policy", "P", "a policy of `kvpolicy policies`; all of them if left out") { Repeatable = true },
            new("--keep", "R", "fraction that stays, above 0 and at most 1; 0.5, 0.25 and 0.1 if left out") { Repeatable = true },
            new("--task", "T", $"one of {string.Join(", ", EvaluationTasks.All)}; all of them if left out") { Repeatable = true },
            new("--mode", "M", "the question read over the compressed cache, or compressed too; both if left out") { Choices = [.. Enum.GetValues<CompressionMode>().Select(DemoText.NameOf)] },
            new("--full", null, "the full cache alone, with the shots and without"),
            new("--seed", "S", $"same seed, same prompts; {DefaultSeed} if left out"),
            new("--threads", "N", "threads of the processor; one a core if left out"),
        ],
        Examples = ["kvpolicy demo", "kvpolicy demo --policy SnapKv --policy ShotKv --keep 0.25 --prompts 200", "kvpolicy demo --full --prompts 500"],
        Run = Run,
    };

    private static int Run(Arguments arguments, Session session)
    {
        EvaluationSettings settings = Settings(arguments);
        long started = Stopwatch.GetTimestamp();
        using Model model = ModelLoader.Load(ModelLoader.Embedded);
        EvaluationReport report;
        SpeedReport speed;
        using (ProgressBar bar = session.StartBar("answers", arguments)) report = Evaluator.Run(model, settings with { Progress = bar.Report });
        using (ProgressBar bar = session.StartBar("speed", arguments)) speed = SpeedMeter.Measure(model, settings with { Progress = bar.Report });
        var result = new DemoResult(settings, report, speed, Stopwatch.GetElapsedTime(started));
        if (arguments.Json) session.WriteJson(json => DemoJson.Write(json, result));
        else DemoText.Print(session, result);
        return 0;
    }

    private static EvaluationSettings Settings(Arguments arguments)
    {
        foreach (string option in (string[])["--policy", "--keep", "--mode"]) arguments.OneOf("--full", option);
        int prompts = arguments.Whole("--prompts", 1, 100_000) ?? DefaultPrompts;
        return new EvaluationSettings
        {
            Tasks = Tasks(arguments),
            Cells = arguments.Has("--full") ? [] : [.. Cells(arguments)],
            Prompts = prompts,
            ItemPrompts = arguments.Has("--full") ? prompts : (prompts + LongAnswerShare - 1) / LongAnswerShare,
            Seed = (ulong)(arguments.Seed("--seed") ?? DefaultSeed),
            Threads = arguments.Whole("--threads", 1, 1024) ?? 0,
        };
    }

    private static IReadOnlyList<EvaluationTask> Tasks(Arguments arguments)
    {
        List<EvaluationTask> chosen = [.. Once(arguments, "--task", arguments.All("--task").Select(name =>
            EvaluationTasks.Find(name) ?? throw Arguments.Wrong("--task", name, string.Join(", ", EvaluationTasks.All))))];
        return chosen.Count == 0 ? EvaluationTasks.All : [.. EvaluationTasks.All.Where(chosen.Contains)];
    }

    private static IEnumerable<PolicyCell> Cells(Arguments arguments)
    {
        List<PolicyInfo> policies = [.. Once(arguments, "--policy", arguments.All("--policy").Select(PolicyOptions.Find))];
        List<Budget> keeps = [.. Once(arguments, "--keep", arguments.Fractions("--keep"))];
        string? only = arguments.Text("--mode");
        return from mode in Enum.GetValues<CompressionMode>()
               where only is null || DemoText.NameOf(mode) == only
               from policy in policies.Count == 0 ? Catalog.All : policies
               from keep in keeps.Count == 0 ? DefaultKeeps : [.. keeps]
               select new PolicyCell(policy, keep, mode);
    }

    private static IEnumerable<T> Once<T>(Arguments arguments, string option, IEnumerable<T> values)
    {
        var seen = new HashSet<T>();
        foreach ((int i, T value) in values.Index()) yield return seen.Add(value) ? value : throw new UsageException($"{option} {arguments.All(option)[i]} was given twice; give it once");
    }
}
