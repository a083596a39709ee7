using System.Globalization;
using KvPolicy.Training.Files;
using KvPolicy.Training.Model;
using KvPolicy.Training.Optimisation;

namespace KvPolicy.Training.Runs;

/// <summary>Where a run stands, besides its tensors.</summary>
/// <param name="Step">Steps done.</param>
/// <param name="Seconds">Wall time so far, all sessions.</param>
/// <param name="CpuSeconds">Processor time so far, all sessions.</param>
/// <param name="Tokens">Tokens read.</param>
/// <param name="Curve">Points so far.</param>
internal sealed record Progress(int Step, double Seconds, double CpuSeconds, long Tokens, List<CurvePoint> Curve);

/// <summary>A run's whole state in one file, replaced as a whole: a killed run goes on from the last one with the same bits.</summary>
internal static class Checkpoint
{
    internal static void Write(TrainingOptions options, Weights weights, Optimiser optimiser, Progress progress)
    {
        Dictionary<string, float[]> values = weights.Values();
        IEnumerable<NamedTensor> tensors = weights.Specs.Select(spec => new NamedTensor(spec.Name, spec.Shape, values[spec.Name]));
        Dictionary<string, string> metadata = new()
        {
            ["step"] = Text(progress.Step),
            ["seconds"] = Text(progress.Seconds),
            ["cpuSeconds"] = Text(progress.CpuSeconds),
            ["tokens"] = Text(progress.Tokens),
            ["curve"] = Curve.ToJson(progress.Curve),
            ["seed"] = Text(options.Seed),
            ["batchTokens"] = Text(options.BatchTokens),
            ["threads"] = Text(options.Threads),
        };
        SafetensorsFile.Write(options.CheckpointFile, [.. tensors, .. optimiser.State()], metadata, half: false);
        WholeFile.Write(options.CurveFile, Curve.ToCsv(progress.Curve));
    }

    /// <summary>The last state of a run, or null where there is none.</summary>
    /// <exception cref="InvalidDataException">It belongs to a run with other options.</exception>
    internal static (SafetensorsFile File, Progress Progress)? Read(TrainingOptions options)
    {
        if (!File.Exists(options.CheckpointFile)) return null;
        SafetensorsFile file = SafetensorsFile.Read(options.CheckpointFile);
        IReadOnlyDictionary<string, string> m = file.Metadata;
        Require("seed", Text(options.Seed));
        Require("batchTokens", Text(options.BatchTokens));
        Require("threads", Text(options.Threads));
        return (file, new Progress(
            int.Parse(m["step"], CultureInfo.InvariantCulture),
            double.Parse(m["seconds"], CultureInfo.InvariantCulture),
            double.Parse(m["cpuSeconds"], CultureInfo.InvariantCulture),
            long.Parse(m["tokens"], CultureInfo.InvariantCulture),
            Curve.FromJson(m["curve"])));

        void Require(string key, string value)
        {
            if (m.GetValueOrDefault(key) == value) return;
            string other = $"{options.CheckpointFile} is of a run with {key} {m.GetValueOrDefault(key)}, not {value}";
            throw new InvalidDataException(other + ": give the same, another --out, or delete it.");
        }
    }

    private static string Text(IFormattable value) => value.ToString(null, CultureInfo.InvariantCulture);
}
