using System.Diagnostics;
using System.Globalization;
using KvPolicy.Training.Data;
using KvPolicy.Training.Files;
using KvPolicy.Training.Model;
using KvPolicy.Training.Runs;
using TorchSharp;
using static TorchSharp.torch;

namespace KvPolicy.Training;

/// <summary>What no unit test can hold, since it needs libtorch and processes to kill.</summary>
internal static class SelfTest
{
    private const int Half = 30;
    private const int Whole = 60;
    private const int Tokens = 512;
    private const double LeastOffsetMass = 0.6;

    internal static int Run(int threads, TextWriter log)
    {
        (string Name, Func<string?> Check)[] checks =
        [
            ("layer 0 looks back 1, 2, 3 and 4 tokens", Wiring),
            ("a killed run goes on to the same bits", () => Resume(threads)),
        ];
        int failed = 0;
        foreach ((string name, Func<string?> check) in checks)
        {
            string? fault = check();
            log.WriteLine(fault == null ? "passed: " + name : $"FAILED: {name}: {fault}");
            if (fault != null) failed++;
        }

        log.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{checks.Length - failed} passed, {failed} failed"));
        return failed == 0 ? 0 : 1;
    }

    /// <summary>Each query head of the untrained model puts most of its attention on the token that it is wired to.</summary>
    private static string? Wiring()
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        using Weights weights = new(TinyModel.Words, Initialisation.Draw(1), trainable: false);
        using Network network = new(weights);
        Tensor ids = Batch.Of(Curriculum.Rows(seed: 1, step: 1000, tokens: 1)).Ids[0];
        Tensor attention = network.FirstAttention(ids);
        for (int head = 0; head < TinyModel.QueryHeads; head++)
        {
            double mass = attention[head].diagonal(-(head + 1)).narrow(0, 8, ids.shape[0] - 16).mean().item<float>();
            if (mass >= LeastOffsetMass) continue;
            return string.Create(CultureInfo.InvariantCulture, $"head {head} has {mass:0.00} of its attention there, less than {LeastOffsetMass}.");
        }

        return null;
    }

    /// <summary>Sixty steps in one go, against thirty and some, a kill, and the rest in a new process.</summary>
    private static string? Resume(int threads)
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("kvpolicy-selftest-");
        try
        {
            TrainingOptions straight = new(Path.Combine(folder.FullName, "straight"), threads, Whole, 1, Half, Tokens);
            TrainingOptions killed = straight with { Folder = Path.Combine(folder.FullName, "killed") };
            if (!Train(straight, killAfter: null)) return "the run in one go did not end well.";
            if (Train(killed, killAfter: "step   40")) return "the run that was to be killed ended first.";
            if (Checkpoint.Read(killed)?.Progress.Step != Half) return "the killed run left no checkpoint of step 30.";
            if (!Train(killed, killAfter: null)) return "the killed run did not go on.";
            return Difference(SafetensorsFile.Read(straight.CheckpointFile).AllBytes(), SafetensorsFile.Read(killed.CheckpointFile).AllBytes());
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static string? Difference(Dictionary<string, byte[]> a, Dictionary<string, byte[]> b)
    {
        if (!a.Keys.Order().SequenceEqual(b.Keys.Order())) return "the two checkpoints hold other tensors.";
        string? first = a.Keys.FirstOrDefault(name => !a[name].AsSpan().SequenceEqual(b[name]));
        return first == null ? null : $"{first} differs.";
    }

    /// <summary>
    /// Trains in a process of its own, which is killed once it has written a line that starts so. True where it ended well by itself.
    /// </summary>
    private static bool Train(TrainingOptions options, string? killAfter)
    {
        string Text(int value) => value.ToString(CultureInfo.InvariantCulture);
        ProcessStartInfo start = new(Environment.ProcessPath!) { RedirectStandardOutput = true };
        string[] host = Path.GetFileNameWithoutExtension(Environment.ProcessPath!) == "dotnet" ? [typeof(SelfTest).Assembly.Location] : [];
        string[] arguments =
        [
            .. host, "train", "--out", options.Folder, "--threads", Text(options.Threads), "--steps", Text(options.StopAfter),
            "--checkpoint-every", Text(options.CheckpointEvery), "--batch-tokens", Text(options.BatchTokens),
        ];
        foreach (string argument in arguments) start.ArgumentList.Add(argument);
        using Process process = Process.Start(start)!;
        while (process.StandardOutput.ReadLine() is { } line)
        {
            if (killAfter != null && line.StartsWith(killAfter, StringComparison.Ordinal)) process.Kill();
        }

        process.WaitForExit();
        return process.ExitCode == 0;
    }
}
