using KvPolicy.Evaluation.Runs;
using KvPolicy.Inference;
using KvPolicy.Inference.Loading;
using KvPolicy.Inference.Models;
using KvPolicy.Inference.Tokenization;
using KvPolicy.Policies;

namespace KvPolicy.Evaluation.Tests.Runs;

/// <summary>Figures of a run, against answers that were asked for one by one.</summary>
public sealed class EvaluatorTests : IDisposable
{
    private const ulong Seed = 11;
    private readonly Model _model = ModelLoader.Load(ModelLoader.Embedded);

    public void Dispose() => _model.Dispose();

    [Fact]
    public void The_number_of_threads_changes_nothing()
    {
        EvaluationSettings settings = new() { Cells = [Cell("SnapKv", 0.25, CompressionMode.Agnostic), Cell("ShotKv", 0.5, CompressionMode.Aware)], Prompts = 2, ItemPrompts = 1, Seed = Seed };
        EvaluationReport alone = Evaluator.Run(_model, settings with { Threads = 1 }), together = Evaluator.Run(_model, settings with { Threads = 3 });
        Assert.Equal(alone.Full.ByTask, together.Full.ByTask);
        Assert.Equal(alone.WithoutShots.ByTask, together.WithoutShots.ByTask);
        Assert.Equal(alone.Rows.Select(row => row.Figures.ByTask), together.Rows.Select(row => row.Figures.ByTask));
    }

    /// <summary>Every prompt is run for itself here, and compressed while it is prefilled.</summary>
    [Theory]
    [InlineData("SnapKv", 0.25, CompressionMode.Agnostic)]
    [InlineData("ChunkKv", 0.1, CompressionMode.Aware)]
    [InlineData("ShotKv", 0.5, CompressionMode.Agnostic)]
    [InlineData("H2O", 0.25, CompressionMode.Aware)]
    public void A_row_is_what_prompts_of_their_own_give(string policy, double keep, CompressionMode mode)
    {
        const int Prompts = 3;
        EvaluationTask task = EvaluationTasks.Arithmetic;
        EvaluationSettings settings = new() { Tasks = [task], Cells = [Cell(policy, keep, mode)], Prompts = Prompts, Seed = Seed };
        TaskFigures row = Assert.Single(Evaluator.Run(_model, settings).Rows).Figures.ByTask["AR"];
        double score = 0, agreement = 0, kept = 0, bytes = 0;
        using var engine = InferenceEngine.Over(_model, new EngineOptions("cpu", Threads: 2));
        for (int i = 0; i < Prompts; i++)
        {
            TaskInstance instance = task.Instance(Seed, i);
            (GenerationResult full, GenerationResult found, int context) = Ask(engine, instance, policy, keep, mode);
            score += instance.Score(found.Text);
            agreement += (double)found.TokenIds.Zip(full.TokenIds).Count(pair => pair.First == pair.Second) / Math.Max(found.TokenIds.Count, full.TokenIds.Count);
            kept += found.Receipt.Kept.Average(layer => layer.Average()) / context;
            bytes += found.Receipt.CacheBytes.AfterPrefill;
        }

        Assert.Equal((Prompts, Prompts), (row.Prompts, row.Trials));
        Assert.Equal(score / Prompts, row.Accuracy, 12);
        Assert.Equal(agreement / Prompts, row.Agreement, 12);
        Assert.Equal(kept / Prompts, row.Kept, 12);
        Assert.Equal(bytes / Prompts, row.CacheBytes, 6);
        if (policy is not "ShotKv") Assert.InRange(row.Kept, keep - 0.01, keep);
    }

    [Fact]
    public void What_evicts_nothing_is_the_full_cache()
    {
        EvaluationSettings settings = new() { Cells = [Cell("SnapKv", 1, CompressionMode.Agnostic), Cell("KeepAll", 0.1, CompressionMode.Aware)], Prompts = 1, ItemPrompts = 1, Seed = Seed };
        EvaluationReport report = Evaluator.Run(_model, settings);
        foreach (PolicyRow row in report.Rows)
        {
            Assert.Equal((1, 1), (row.Figures.Agreement, row.Figures.Kept));
            Assert.Equal(report.Full.Accuracy, row.Figures.Accuracy);
        }
    }

    /// <summary>Wide bounds: the figures of many more prompts are the demo's.</summary>
    [Fact]
    public void The_embedded_model_answers_and_needs_its_prompts()
    {
        EvaluationReport report = Evaluator.Run(_model, new EvaluationSettings { Prompts = 20, ItemPrompts = 4, Seed = Seed });
        Assert.All(report.Full.ByTask, task => Assert.True(task.Value.Accuracy >= 0.9, $"{task.Key}: {task.Value.Accuracy}"));
        Assert.All(report.Full.ByTask, task => Assert.True(task.Value is { Agreement: 1, Kept: 1 }));
        Assert.Equal(32, report.Full.ByTask["LG"].Trials);
        foreach ((string task, double most) in new[] { ("AR", 0.4), ("CG", 0.2), ("SA", 0.85), ("LC", 0.2), ("LG", 0.4) })
            Assert.True(report.WithoutShots.ByTask[task].Accuracy <= most, $"{task}: {report.WithoutShots.ByTask[task].Accuracy} although the answers stand in what is missing");
        Assert.True(report.Full.ByTask["LC"].PromptTokens.Mean > 3 * report.Full.ByTask["WK"].PromptTokens.Mean);
    }

    [Fact]
    public void A_cancelled_run_ends()
    {
        using var source = new CancellationTokenSource();
        EvaluationSettings settings = new() { Cells = [Cell("SnapKv", 0.5, CompressionMode.Aware)], Prompts = 1000, Seed = Seed, Threads = 2, Progress = _ => source.Cancel() };
        Assert.ThrowsAny<OperationCanceledException>(() => Evaluator.Run(_model, settings, source.Token));
    }

    [Fact]
    public void Settings_without_meaning_are_refused()
    {
        Assert.Throws<ArgumentException>(() => Evaluator.Run(_model, new EvaluationSettings { Tasks = [] }));
        Assert.Throws<ArgumentException>(() => Evaluator.Run(_model, new EvaluationSettings { Tasks = [EvaluationTasks.Code, EvaluationTasks.Code] }));
        Assert.Throws<ArgumentOutOfRangeException>(() => Evaluator.Run(_model, new EvaluationSettings { Prompts = 0 }));
        Assert.Throws<ArgumentOutOfRangeException>(() => Evaluator.Run(_model, new EvaluationSettings { Threads = -1 }));
    }

    private static PolicyCell Cell(string policy, double keep, CompressionMode mode) => new(Catalog.All.Single(p => p.Name == policy), keep, mode);

    private static (GenerationResult Full, GenerationResult Found, int Context) Ask(InferenceEngine engine, TaskInstance instance, string policy, double keep, CompressionMode mode)
    {
        int[] ids = [.. engine.Tokenizer.Encode(instance.Prompt.Text, new EncodeOptions(ParseSpecial: true, AddSpecial: true)).Select(token => token.Id)];
        int context = mode == CompressionMode.Agnostic ? instance.Prompt.QuestionToken : ids.Length - 1;
        int window = Math.Min(16, (int)Math.Floor(keep * context) / 2);
        IKvPolicy made = policy switch
        {
            "SnapKv" => new SnapKv { Keep = keep, Window = window, Recent = window },
            "ChunkKv" => new ChunkKv { Keep = keep, Window = window, Recent = window },
            "ShotKv" => new ShotKv { Keep = keep, DecodeKeep = 1.0, ObservedRows = 16 },
            "H2O" => new H2O { Keep = keep, DecodeKeep = 1.0 },
            _ => throw new ArgumentException(policy),
        };
        var request = new GenerationRequest { Prompt = ids, MaxTokens = instance.Task.MaxAnswerTokens };
        GenerationResult found = engine.Generate(request with { Policy = made, ContextTokens = context, Shots = instance.Prompt.ShotOfToken });
        return (engine.Generate(request), found, context);
    }
}
