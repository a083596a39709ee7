using System.CommandLine;
using KvPolicy.Training.Judging;
using KvPolicy.Training.Native;
using KvPolicy.Training.Optimisation;
using KvPolicy.Training.Runs;

namespace KvPolicy.Training;

/// <summary>The command line of the training.</summary>
internal static class Program
{
    private static readonly Option<DirectoryInfo> Out = new("--out")
    {
        Description = "Folder of checkpoint, curve and model.",
        DefaultValueFactory = _ => new DirectoryInfo(Path.Combine("artifacts", "kvpolicy-tiny")),
    };

    private static readonly Option<int> Threads = Number("--threads", "Threads of libtorch. Another number gives other last bits.", 2);
    private static readonly Option<int> Steps = Number(
        "--steps", "Stop when so many steps of the whole schedule are done; the same command with more steps goes on.", Schedule.Steps);

    private static readonly Option<int> CheckpointEvery = Number("--checkpoint-every", "Steps between checkpoints.", 100);
    private static readonly Option<int> BatchTokens = Number("--batch-tokens", "Tokens of a step.", 4096);
    private static readonly Option<int> Seed = Number("--seed", "Seed of data and first weights.", 1);

    private static readonly Option<bool> DryRun = new("--dry-run")
    {
        Description = "Two steps of every stage, and a model written and read back; nothing stays.",
    };

    private static int Main(string[] args)
    {
        RootCommand root = new("Trains the embedded model of KvPolicy from nothing, on tasks made from seeds.")
        {
            TrainCommand(), EvaluateCommand(), SelfTestCommand(),
        };
        return root.Parse(args).Invoke();
    }

    private static Command TrainCommand()
    {
        const string Help = "Trains, or goes on where the folder's checkpoint stands. Example: train --out artifacts/kvpolicy-tiny --threads 2";
        Command command = new("train", Help)
        {
            Out, Threads, Steps, CheckpointEvery, BatchTokens, Seed, DryRun,
        };
        command.SetAction(parsed => Guarded(parsed.GetValue(Threads), () =>
        {
            TrainingOptions options = new(
                parsed.GetValue(Out)!.FullName, parsed.GetValue(Threads), parsed.GetValue(Steps), (ulong)parsed.GetValue(Seed),
                parsed.GetValue(CheckpointEvery), parsed.GetValue(BatchTokens));
            return parsed.GetValue(DryRun) ? Commands.DryRun(options, Console.Out) : Commands.Train(options, Console.Out);
        }));
        return command;
    }

    private static Command EvaluateCommand()
    {
        Option<DirectoryInfo> model = new("--model") { Description = "Folder of a written model.", Required = true };
        Option<int> prompts = Number("--prompts", "Prompts a task (long generation: a fifth).", 500);
        Option<int> seed = Number("--seed", "Seed of the prompts.", (int)Judge.PublishedSeed);
        Command command = new("evaluate", "Asks a written model the seven tasks. Example: evaluate --model artifacts/kvpolicy-tiny/model")
        {
            model, prompts, seed, Threads,
        };
        command.SetAction(parsed => Guarded(parsed.GetValue(Threads), () =>
        {
            Commands.Evaluate(parsed.GetValue(model)!.FullName, parsed.GetValue(prompts), (ulong)parsed.GetValue(seed), Console.Out);
            return 0;
        }));
        return command;
    }

    private static Command SelfTestCommand()
    {
        const string Help = "Checks the first weights' wiring, and that a killed run goes on to the same bits. Example: selftest --threads 2";
        Command command = new("selftest", Help) { Threads };
        command.SetAction(parsed => Guarded(parsed.GetValue(Threads), () => SelfTest.Run(parsed.GetValue(Threads), Console.Out)));
        return command;
    }

    private static Option<int> Number(string name, string description, int value)
    {
        Option<int> option = new(name) { Description = description, DefaultValueFactory = _ => value };
        option.Validators.Add(result =>
        {
            if (result.Tokens.Count == 1 && result.GetValueOrDefault<int>() < 1) result.AddError($"{name} takes a whole number from 1 on.");
        });
        return option;
    }

    /// <summary>Runs with libtorch ready; what can go wrong in use is one line and exit code 1.</summary>
    private static int Guarded(int threads, Func<int> action)
    {
        try
        {
            TorchLibrary.Prepare();
            TorchSharp.torch.set_num_threads(threads);
            return action();
        }
        catch (Exception e) when (e is IOException or InvalidDataException or NotSupportedException or UnauthorizedAccessException)
        {
            Console.Error.WriteLine(e.Message);
            return 1;
        }
    }
}
