using KvPolicy.Cli.CommandLine;
using KvPolicy.Evaluation;
using KvPolicy.Evaluation.Runs;

namespace KvPolicy.Cli.Output.Demo;

/// <summary>How the figures were made: what a reader needs to judge them.</summary>
internal static class DemoNotes
{
    /// <summary>The notes, a line each.</summary>
    internal static IEnumerable<string> Of(DemoResult result)
    {
        EvaluationSettings settings = result.Settings;
        yield return $"Accuracy in %: exact match of greedy answers, ± half of Wilson's 95 % interval over {Prompts(settings)}; seed {settings.Seed}, prompts that training never saw.";
        yield return $"Prompts in tokens, mean (least to most): {string.Join(", ", settings.Tasks.Select(task => $"{task.Name} {Length(result.Report.Full.ByTask[task.Name].PromptTokens)}"))}.";
        yield return $"no shots: the full cache on prompts that lack {Lacking(settings)}: what compression can lose.";
        yield return "mean: over the tasks. agree: tokens of the answer that equal the full cache's at the same place, of the longer answer's places, in %. "
            + "kept/n: tokens that stay of the n compressed ones, mean over layers and KV heads. KiB: keys and values (f32) after compression, in pages of 32 keys.";
        if (settings.Cells.Count > 0)
        {
            yield return $"Budgets are floor(keep x n). Token and chunk policies keep exactly that; policies of whole shots keep every token outside shots and whole shots while they fit, so they lie below or above.{(HasLongContext(settings) ? " Shots of LC are its sentences." : "")}";
            yield return $"Windows are min({PolicyCell.Window}, budget / 2) tokens; a policy with a choice of rows reads the last {PolicyCell.Rows} queries (rows={PolicyCell.Rows}); other parameters are the policies' own. Nothing is evicted while decoding.";
            yield return "In aware mode the prompt's last token is held back and read over the compressed cache: the first token of an answer would else come from the full one.";
            yield return "A prompt runs through the model once; every policy compresses a copy of its cache. Random policies draw lots of their own for each prompt.";
        }

        SpeedReport speed = result.Speed;
        yield return $"prefill, decode: tokens/s of runs of their own, one sequence alone on {speed.Threads} threads: a prompt of {speed.PromptTokens} tokens, all of it compressed (that counts as prefill), then {speed.DecodedTokens} tokens; median of {speed.Repetitions}.";
    }

    private static string Prompts(EvaluationSettings settings)
    {
        string[] items = [.. settings.Tasks.Where(task => task.ScoresItems).Select(task => $"{Count(settings.PromptsOf(task))} of eight items for {task.Name} (items count as independent)")];
        bool others = settings.Tasks.Any(task => !task.ScoresItems);
        return string.Join(", ", others ? items.Prepend($"{Count(settings.Prompts)} a task") : items);
    }

    private static string Count(int prompts) => prompts == 1 ? "1 prompt" : $"{prompts} prompts";

    private static string Lacking(EvaluationSettings settings)
    {
        string[] line = [.. settings.Tasks.Where(task => task.Depends == PromptVariant.SystemLineRemoved).Select(task => $"{task.Name} its system line")];
        string shots = HasLongContext(settings) ? "their shots (LC its records and filler)" : "their shots";
        return string.Join(", ", settings.Tasks.Any(task => task.Depends != PromptVariant.SystemLineRemoved) ? line.Prepend(shots) : line);
    }

    private static bool HasLongContext(EvaluationSettings settings) => settings.Tasks.Contains(EvaluationTasks.LongContext);

    private static string Length(TokenSpan tokens) => $"{Numbers.Show(tokens.Mean, "0")} ({tokens.Least} to {tokens.Most})";
}
