using KvPolicy.Cli.CommandLine;
using KvPolicy.Cli.Inputs;
using KvPolicy.Cli.Output;
using KvPolicy.Inference.Loading.Safetensors;

namespace KvPolicy.Cli.Commands;

/// <summary>A policy on raw tensors.</summary>
internal static class ScoreCommand
{
    internal static Command Command { get; } = new()
    {
        Name = "score",
        Summary = "a policy on raw tensors: scores and kept sets",
        Options =
        [
            .. PolicyOptions.All,
            new("--input", "F", "safetensors: queries, keys, values [heads, length, headDim] with a leading layer axis or not; shots, positions [length]"),
            new("--output", "F", "safetensors: scores, kept [layers, kvHeads, length]; with --decode-steps also keptSteps"),
            new("--decode-steps", "N", "the last N rows are decoded one by one; 0 if left out"),
            new("--rope-theta", "T", "RoPE base of the tensors, for policies that read keys or queries before RoPE; 10000 if left out"),
            new("--threads", "N", "threads; one a core if left out"),
        ],
        Examples = ["kvpolicy score --policy SnapKv --keep 0.25 --input layer.safetensors --output scores.safetensors"],
        Run = Run,
    };

    private static int Run(Arguments arguments, Session session)
    {
        IKvPolicy policy = PolicyOptions.Create(arguments);
        (string input, string output) = (arguments.Required("--input"), arguments.Required("--output"));
        int steps = arguments.Whole("--decode-steps", 0) ?? 0;
        // No policy of today reads anything before RoPE; the number is checked all the same, so that a script's mistake is told now.
        _ = arguments.Real("--rope-theta", theta => theta > 0, "a number above 0");
        int threads = arguments.Whole("--threads", 1, 1024) ?? 0;
        if (input.Length == 0) throw new UsageException("--input: the path is empty; name a safetensors file");
        TensorInput tensors = TensorFile.Read(input);
        if (steps >= tensors.Length) throw new UsageException($"--decode-steps {steps}: the input has {tensors.Length} rows, and at least one must be left for the prefill");
        if ((long)steps * tensors.Layers * tensors.KvHeads * tensors.Length > Array.MaxLength)
            throw new UsageException($"--decode-steps {steps}: keptSteps [{steps}, {tensors.Layers}, {tensors.KvHeads}, {tensors.Length}] would be over {Array.MaxLength} bytes; decode fewer rows, or score fewer layers at a time");
        using var file = OutputFile.Create("--output", output);
        using var workers = new WorkerPool(threads);
        TensorScores scores = TensorScorer.Run(policy, tensors, steps, workers);
        Write(file, tensors, steps, scores);
        if (arguments.Json) WriteSummary(session, policy, tensors, steps, scores);
        else Print(session, policy, tensors, output, scores);
        return 0;
    }

    private static void Write(OutputFile file, TensorInput tensors, int steps, TensorScores scores)
    {
        long[] shape = [tensors.Layers, tensors.KvHeads, tensors.Length];
        var specs = new List<SafetensorsSpec> { new("scores", SafetensorsType.F32, shape), new("kept", SafetensorsType.U8, shape) };
        if (steps > 0) specs.Add(new("keptSteps", SafetensorsType.U8, [steps, .. shape]));
        using var writer = SafetensorsWriter.Over(file.Stream, [.. specs]);
        writer.Append<float>(scores.Scores);
        writer.Append<byte>(scores.Kept);
        writer.Append<byte>(scores.KeptSteps);
        writer.Complete();
        file.Complete();
    }

    private static void WriteSummary(Session session, IKvPolicy policy, TensorInput tensors, int steps, TensorScores scores)
        => session.WriteJson(json =>
        {
            json.WriteStartObject();
            json.WriteString("policy", policy.Info.Name);
            json.WriteNumber("length", tensors.Length);
            json.WriteNumber("decodeSteps", steps);
            json.WriteStartArray("kept");
            foreach (int[] layer in Counts(tensors, scores.Kept))
            {
                json.WriteStartArray();
                foreach (int count in layer) json.WriteNumberValue(count);
                json.WriteEndArray();
            }

            json.WriteEndArray();
            JsonParts.WriteKernels(json, scores.Kernels);
            JsonParts.WriteStrings(json, "notes", scores.Notes);
            json.WriteEndObject();
        });

    private static void Print(Session session, IKvPolicy policy, TensorInput tensors, string output, TensorScores scores)
    {
        int[] all = [.. Counts(tensors, scores.Kept).SelectMany(layer => layer)];
        session.Out.WriteLine($"{policy.Info.Name}: {all.Min()} to {all.Max()} of {tensors.Length} tokens kept per layer and KV head; written to {output}");
        foreach (string note in scores.Notes) session.Out.WriteLine(note);
    }

    private static IEnumerable<int[]> Counts(TensorInput tensors, byte[] kept)
        => kept.Chunk(tensors.Length).Select(row => row.Sum(b => b)).Chunk(tensors.KvHeads);
}
