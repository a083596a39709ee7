using KvPolicy.Cli.CommandLine;
using KvPolicy.Cli.Inputs;
using KvPolicy.Cli.Output;
using KvPolicy.Inference;
using KvPolicy.Inference.Loading.Safetensors;

namespace KvPolicy.Cli.Commands;

/// <summary>Logits of given tokens, through a compressed cache or a full one.</summary>
internal static class LogitsCommand
{
    internal static Command Command { get; } = new()
    {
        Name = "logits",
        Summary = "logits of given token ids, through a compressed cache or a full one",
        Options =
        [
            .. ModelOptions.All,
            .. PolicyOptions.All,
            new("--tokens", "F", "a JSON array of token ids"),
            new("--prefill", "N", "the first N ids are prefilled and compressed, the rest fed one by one; rows are positions N-1 to the end. All are prefilled if left out"),
            new("--shot-map", "F", "a JSON array: the shot of each id, -1 for none"),
            .. EngineOptionSet.All,
            new("--output", "F", "safetensors: logits [rows, vocabulary]"),
        ],
        Examples = ["kvpolicy logits --model embedded --tokens ids.json --prefill 100 --policy SnapKv --keep 0.25 --output logits.safetensors"],
        Run = Run,
    };

    private static int Run(Arguments arguments, Session session)
    {
        IKvPolicy? policy = PolicyOptions.CreateOrNone(arguments);
        (string tokens, string output) = (arguments.Required("--tokens"), arguments.Required("--output"));
        int? prefill = arguments.Whole("--prefill", 1);
        using InferenceEngine engine = EngineOptionSet.Load(arguments, session);
        int[] ids = ReadIds(tokens, engine);
        if (prefill > ids.Length) throw new UsageException($"--prefill {prefill}: --tokens {tokens} holds only {ids.Length} ids; prefill at most as many");
        int[] shots = PromptInput.ReadShotMap(arguments, ids.Length);
        int prompt = prefill ?? ids.Length, rows = prefill is { } n ? ids.Length - n + 1 : ids.Length;
        using var file = OutputFile.Create("--output", output);
        using ProgressBar bar = session.StartBar("prefill", arguments);
        var request = new PromptRequest
        {
            Prompt = ids[..prompt],
            Shots = shots.Length > 0 ? shots[..prompt] : [],
            Policy = policy,
            Schedule = EngineOptionSet.Schedule(arguments),
            Progress = bar.Report,
        };
        using var writer = SafetensorsWriter.Over(file.Stream, new SafetensorsSpec("logits", SafetensorsType.F32, rows, engine.Model.Config.VocabularySize));
        if (prefill is null) engine.AllLogits(request, (_, logits) => writer.Append(logits));
        else engine.Feed(request, ids[prompt..], (_, logits) => writer.Append(logits));
        writer.Complete();
        file.Complete();
        Report(arguments, session, output, rows, engine.Model.Config.VocabularySize);
        return 0;
    }

    private static int[] ReadIds(string path, InferenceEngine engine)
    {
        int context = engine.Model.Config.ContextLength;
        int[] ids = JsonFile.Numbers("--tokens", path, "token id of this model", 0, engine.Model.Config.VocabularySize - 1);
        if (ids.Length == 0) throw new UsageException($"--tokens {path}: holds no ids; give at least one");
        return ids.Length <= context ? ids : throw new UsageException($"--tokens {path}: holds {ids.Length} ids, but the model's context holds {context}; give fewer");
    }

    private static void Report(Arguments arguments, Session session, string output, int rows, int vocabulary)
    {
        if (!arguments.Json)
        {
            session.Out.WriteLine($"logits [{rows}, {vocabulary}] written to {output}");
            return;
        }

        session.WriteJson(json =>
        {
            json.WriteStartObject();
            json.WriteNumber("rows", rows);
            json.WriteNumber("vocabulary", vocabulary);
            json.WriteEndObject();
        });
    }
}
