using KvPolicy.Evaluation.Randomness;
using KvPolicy.Inference;

namespace KvPolicy.Evaluation.Runs;

/// <summary>Asks one question after another on one engine: the prompt runs through the model once, every cell compresses a copy.</summary>
internal sealed class InstanceRunner(InferenceEngine engine, IReadOnlyList<PolicyCell> cells)
{
    /// <summary>Keeps lots apart from prompts of the same seed.</summary>
    private const ulong LotsDomain = 5;

    /// <summary>All rows of one prompt.</summary>
    internal InstanceOutcome Run(TaskInstance instance, CancellationToken cancellation)
    {
        TaskPrompt prompt = instance.Prompt;
        int[] ids = PromptTokens.Of(prompt, engine.Tokenizer);
        using PrefilledPrompt prefilled = engine.Prefill(ids, cancellation);
        GenerationResult full = engine.Generate(prefilled, Request(instance, ids), cancellation);
        RowOutcome whole = Outcome(instance, full, full, ids.Length);
        int lot = LotOf(instance);
        var outcomes = new RowOutcome[cells.Count];
        for (int i = 0; i < outcomes.Length; i++)
        {
            if (cells[i].KeepsAll)
            {
                outcomes[i] = whole;
                continue;
            }

            int context = cells[i].Mode.ContextOf(prompt);
            PolicySettings settings = cells[i].SettingsFor(context, lot);
            GenerationRequest request = Request(instance, ids) with
            {
                Policy = cells[i].Policy.Create(settings),
                ContextTokens = context,
                Shots = prompt.ShotOfToken,
            };
            outcomes[i] = Outcome(instance, engine.Generate(prefilled, request, cancellation), full, context);
        }

        int[] bare = PromptTokens.Of(instance.Variant(Removed(instance.Task)), engine.Tokenizer);
        GenerationResult without = engine.Generate(Request(instance, bare), cancellation);
        return new InstanceOutcome(ids.Length, bare.Length, Items(instance), whole, Outcome(instance, without, full, bare.Length), outcomes);
    }

    /// <summary>What a task can miss: a task that depends on nothing shows that by missing its shots.</summary>
    internal static PromptVariant Removed(EvaluationTask task) => task.Depends == PromptVariant.Full ? PromptVariant.ShotsRemoved : task.Depends;

    /// <summary>Equal tokens at equal places over the places of the longer answer.</summary>
    internal static double Agreement(IReadOnlyList<int> answer, IReadOnlyList<int> full)
    {
        int places = Math.Max(answer.Count, full.Count);
        int equal = answer.Zip(full).Count(pair => pair.First == pair.Second);
        return places == 0 ? 1 : (double)equal / places;
    }

    private static GenerationRequest Request(TaskInstance instance, int[] ids) => new() { Prompt = ids, MaxTokens = instance.Task.MaxAnswerTokens };

    private static RowOutcome Outcome(TaskInstance instance, GenerationResult result, GenerationResult full, int context)
    {
        double kept = result.Receipt.Kept.SelectMany(layer => layer).Average() / context;
        return new RowOutcome(instance.Score(result.Text), Agreement(result.TokenIds, full.TokenIds), kept, result.Receipt.CacheBytes.AfterPrefill);
    }

    private static int Items(TaskInstance instance) => instance.Task.ScoresItems ? instance.AnswerWords.Count(word => word == ".") : 1;

    private static int LotOf(TaskInstance instance)
    {
        ulong task = instance.Task.Name.Aggregate(0UL, (key, letter) => (key << 8) | letter);
        return new SeededRandom(LotsDomain, instance.Seed, task, (ulong)instance.Index).Below(int.MaxValue);
    }
}
