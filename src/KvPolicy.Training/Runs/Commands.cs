using KvPolicy.Evaluation.Language;
using KvPolicy.Training.Data;
using KvPolicy.Training.Files;
using KvPolicy.Training.Judging;
using KvPolicy.Training.Model;
using KvPolicy.Training.Optimisation;

namespace KvPolicy.Training.Runs;

/// <summary>What the command line offers.</summary>
internal static class Commands
{
    private const int PublishedPrompts = 500;

    /// <summary>Trains, and when the last step is done writes and judges the model.</summary>
    internal static int Train(TrainingOptions options, TextWriter log)
    {
        using Trainer trainer = new(options);
        trainer.Run(log);
        if (trainer.Step < Schedule.Steps) return 0;
        Progress progress = trainer.Progress;
        ModelFolder.Write(options.ModelFolder, trainer.Weights, ModelCard.Write(options, progress, [], PublishedPrompts));
        List<Judgement> judgements = Evaluate(options.ModelFolder, PublishedPrompts, Judge.PublishedSeed, log);
        ModelFolder.Write(options.ModelFolder, trainer.Weights, ModelCard.Write(options, progress, judgements, PublishedPrompts));
        log.WriteLine("written: " + options.ModelFolder);
        return 0;
    }

    /// <summary>Asks a written model the seven tasks.</summary>
    internal static List<Judgement> Evaluate(string folder, int prompts, ulong seed, TextWriter log)
    {
        using Weights weights = ModelFolder.Read(folder);
        using Network network = new(weights);
        List<Judgement> judgements = [];
        foreach (Judgement judgement in Judge.Publish(new Decoder(network, LexiconTokenizer.WordIds()), prompts, seed))
        {
            log.WriteLine($"{judgement.Task.Name,-4} {judgement.Variant,-18} {judgement}");
            log.Flush();
            judgements.Add(judgement);
        }

        return judgements;
    }

    /// <summary>Two small steps of every stage, and a model written and read back; nothing stays.</summary>
    internal static int DryRun(TrainingOptions options, TextWriter log)
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("kvpolicy-dry-run-");
        try
        {
            using Trainer trainer = new(options with { Folder = folder.FullName });
            foreach (int step in Curriculum.StageStarts.SelectMany(start => (int[])[start, start + 1]))
            {
                log.WriteLine(string.Create(System.Globalization.CultureInfo.InvariantCulture, $"step {step}: loss {trainer.OneStep(step):0.000}"));
            }

            ModelFolder.Write(folder.FullName, trainer.Weights, ModelCard.Write(options, trainer.Progress, [], 0));
            Evaluate(folder.FullName, prompts: 1, Judge.PublishedSeed, log);
            return 0;
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}
