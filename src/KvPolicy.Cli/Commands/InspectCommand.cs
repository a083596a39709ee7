using KvPolicy.Cli.CommandLine;
using KvPolicy.Cli.Inputs;
using KvPolicy.Cli.Output;
using KvPolicy.Cli.Output.Inspections;
using KvPolicy.Inference;
using KvPolicy.Inference.Models;

namespace KvPolicy.Cli.Commands;

/// <summary>Shows which tokens of a prompt every layer and KV head kept.</summary>
internal static class InspectCommand
{
    private const int DefaultMaxTokens = 16;

    internal static Command Command { get; } = new()
    {
        Name = "inspect",
        Summary = "which tokens of a prompt each layer and head kept: as text, or as a page",
        Options =
        [
            .. ModelOptions.All,
            .. PolicyOptions.All,
            .. PromptInput.Options,
            .. EngineOptionSet.All,
            new("--max-tokens", "N", $"most tokens to generate; 0 prefills only; {DefaultMaxTokens} if left out"),
            .. SamplingOptionSet.All,
            new("--layer", "N", "the tokens of this layer's heads, 0 the first; a summary of all layers if left out"),
            new("--head", "N", "with --layer: of this KV head alone, 0 the first"),
            new("--html", "F", "also writes one page that needs nothing else: scores, phases, shots, every layer and head"),
        ],
        Examples =
        [
            "kvpolicy inspect --model embedded --policy SnapKv --keep 0.5 --prompt ' Q : flag of desia ? [ blue gold teal pink ] A :' --set window=4 --html kept.html",
            "kvpolicy inspect --model smollm2.gguf --chat --policy ShotKv --keep 0.4 --prompt-file gsm8k.txt --shots $'\\n\\n' --layer 3 --head 0",
        ],
        Run = Run,
    };

    private static int Run(Arguments arguments, Session session)
    {
        IKvPolicy? policy = PolicyOptions.CreateOrNone(arguments);
        PolicySettings settings = PolicyOptions.Settings(arguments);
        int maxTokens = arguments.Whole("--max-tokens", 0) ?? DefaultMaxTokens;
        SamplingOptions sampling = SamplingOptionSet.Of(arguments);
        arguments.Needs("--head", "--layer");
        (int? layer, int? head) = (arguments.Whole("--layer", 0), arguments.Whole("--head", 0));
        if (layer is not null && arguments.Json && !arguments.Has("--html")) throw new UsageException("--layer chooses what text and page show, but --json holds every layer and head; leave --layer out");
        string text = PromptInput.ReadText(arguments);
        using OutputFile? page = arguments.Text("--html") is { } path ? OutputFile.Create("--html", path) : null;
        using InferenceEngine engine = EngineOptionSet.Load(arguments, session);
        CheckRange("--layer", layer, engine.Model.Config.Layers);
        CheckRange("--head", head, engine.Model.Config.KvHeads);
        PromptInput prompt = PromptInput.Encode(arguments, text, engine.Tokenizer, engine.Model.Config.ContextLength);
        using ProgressBar bar = session.StartBar("prefill", arguments);
        Inspection seen = engine.Inspect(new GenerationRequest
        {
            Prompt = prompt.Ids,
            Shots = prompt.Shots,
            Policy = policy,
            Schedule = EngineOptionSet.Schedule(arguments),
            MaxTokens = maxTokens,
            Sampling = sampling,
            Progress = bar.Report,
        });
        bar.Dispose();
        if (page is not null)
        {
            InspectionPage.Write(page.Stream, seen, NameOf(ModelOptions.PathOf(arguments)), layer ?? 0, head ?? 0);
            page.Complete();
        }

        if (arguments.Json) session.WriteJson(json => InspectionJson.Write(json, seen));
        else Print(session, seen, layer, head, arguments.Text("--html"));
        return 0;
    }

    // A page is sent around: where a file lies on this machine is nobody's business.
    private static string NameOf(string model)
        => File.Exists(model) || Directory.Exists(model) ? Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(model))) : model;

    private static void Print(Session session, Inspection seen, int? layer, int? head, string? page)
    {
        var text = new InspectionText(session, seen);
        if (layer is { } l)
        {
            foreach (int h in head is { } one ? [one] : Enumerable.Range(0, seen.Heads[l].Count)) text.PrintHead(l, h);
        }
        else text.PrintSummary();
        text.PrintNotes();
        session.Out.WriteLine(page is null ? "\n--html FILE writes all of it as a page" : $"\nwritten to {OneLine.Of(page)}: open it in a browser");
    }

    private static void CheckRange(string option, int? value, int count)
    {
        if (value >= count) throw Arguments.Wrong(option, Numbers.Show(value.Value), $"a whole number from 0 to {count - 1}, as the model has");
    }
}
