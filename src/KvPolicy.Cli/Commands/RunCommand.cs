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
            .. SessionRun.Options,
        ],
        Examples =
        [
            "kvpolicy run --model embedded --policy SnapKv --keep 0.5 --prompt ' Q : flag of desia ? [ blue gold teal pink ] A :' --max-tokens 8",
            "kvpolicy run --model smollm2.gguf --chat --policy ShotKv --keep 0.4 --prompt-file gsm8k.txt --shots $'\\n\\n'",
            "kvpolicy run --model embedded --policy H2O --keep 0.5 --prompt ' Q : flag of desia ? [ blue gold teal pink ] A :' --max-tokens 2 --save-session talk.kvsession",
            "kvpolicy run --model embedded --session talk.kvsession --prompt ' Q : flag of norin ? [ blue gold teal pink ] A :' --max-tokens 8",
        ],
        Run = Run,
    };

    private static int Run(Arguments arguments, Session session)
    {
        int maxTokens = arguments.Whole("--max-tokens", 0) ?? DefaultMaxTokens;
        SamplingOptions sampling = SamplingOptionSet.Of(arguments);
        GenerationResult result = SessionRun.IsAsked(arguments) ? InSession(arguments, session, maxTokens, sampling) : Once(arguments, session, maxTokens, sampling);
        if (arguments.Json) session.WriteJson(json => ReceiptOutput.Write(json, result));
        else ReceiptOutput.Print(session, result);
        return 0;
    }

    private static GenerationResult Once(Arguments arguments, Session session, int maxTokens, SamplingOptions sampling)
    {
        IKvPolicy? policy = PolicyOptions.CreateOrNone(arguments);
        PolicySettings settings = PolicyOptions.Settings(arguments);
        string text = PromptInput.ReadText(arguments);
        using InferenceEngine engine = EngineOptionSet.Load(arguments, session);
        PromptInput prompt = PromptInput.Encode(arguments, text, engine.Tokenizer, engine.Model.Config.ContextLength);
        using ProgressBar bar = session.StartBar("prefill", arguments);
        return engine.Generate(new GenerationRequest
        {
            Prompt = prompt.Ids,
            Shots = prompt.Shots,
            Policy = policy,
            Schedule = EngineOptionSet.Schedule(arguments),
            MaxTokens = maxTokens,
            Sampling = sampling,
            Progress = bar.Report,
            OnText = arguments.Json ? null : piece => Stream(session, bar, piece),
        });
    }

    private static GenerationResult InSession(Arguments arguments, Session session, int maxTokens, SamplingOptions sampling)
    {
        using var run = SessionRun.Begin(arguments, session);
        using ProgressBar bar = session.StartBar("prefill", arguments);
        GenerationResult result = run.Session.Generate(run.Prompt.Ids, new TurnOptions
        {
            Shots = run.Prompt.Shots,
            MaxTokens = maxTokens,
            Sampling = sampling,
            Progress = bar.Report,
            OnText = arguments.Json ? null : piece => Stream(session, bar, piece),
        });
        run.SaveIfAsked();
        return result;
    }

    private static void Stream(Session session, ProgressBar bar, string piece)
    {
        bar.Dispose();
        session.Out.Write(piece);
        session.Out.Flush();
    }
}
