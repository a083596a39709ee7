using KvPolicy.Cli.CommandLine;
using KvPolicy.Cli.Inputs;
using KvPolicy.Cli.Output;
using KvPolicy.Inference;

namespace KvPolicy.Cli.Commands;

/// <summary>Generates text through a compressed cache.</summary>
internal static class RunCommand
{
    private const int DefaultMaxTokens = 256;

    internal static Command Command { get; } = new()
    {
        Name = "run",
        Summary = "generates text through a compressed cache, then the receipt",
        Options =
        [
            .. ModelOptions.All,
            .. PolicyOptions.All,
            .. PromptInput.Options,
            .. EngineOptionSet.All,
            new("--max-tokens", "N", $"most tokens to generate; 0 prefills only; {DefaultMaxTokens} if left out"),
            .. SamplingOptionSet.All,
        ],
        Examples =
        [
            "kvpolicy run --model embedded --policy SnapKv --keep 0.5 --prompt ' Q : flag of desia ? [ blue gold teal pink ] A :' --max-tokens 8",
            "kvpolicy run --model smollm2.gguf --chat --policy ShotKv --keep 0.4 --prompt-file gsm8k.txt --shots $'\\n\\n'",
        ],
        Run = Run,
    };

    private static int Run(Arguments arguments, Session session)
    {
        IKvPolicy? policy = PolicyOptions.CreateOrNone(arguments);
        PolicySettings settings = PolicyOptions.Settings(arguments);
        int maxTokens = arguments.Whole("--max-tokens", 0) ?? DefaultMaxTokens;
        SamplingOptions sampling = SamplingOptionSet.Of(arguments);
        string text = PromptInput.ReadText(arguments);
        using InferenceEngine engine = EngineOptionSet.Load(arguments, session);
        PromptInput prompt = PromptInput.Encode(arguments, text, engine.Tokenizer, engine.Model.Config.ContextLength);
        using ProgressBar bar = session.StartBar("prefill", arguments);
        GenerationResult result = engine.Generate(new GenerationRequest
        {
            Prompt = prompt.Ids,
            Shots = prompt.Shots,
            Policy = policy,
            PolicyParameters = settings.Values,
            Schedule = EngineOptionSet.Schedule(arguments),
            MaxTokens = maxTokens,
            Sampling = sampling,
            Progress = bar.Report,
            OnText = arguments.Json ? null : piece => Stream(session, bar, piece),
        });
        if (arguments.Json) session.WriteJson(json => ReceiptOutput.Write(json, result));
        else ReceiptOutput.Print(session, result);
        return 0;
    }

    private static void Stream(Session session, ProgressBar bar, string piece)
    {
        bar.Dispose();
        session.Out.Write(piece);
        session.Out.Flush();
    }
}
