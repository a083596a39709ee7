using System.Globalization;
using System.Text;
using KvPolicy.Evaluation;
using KvPolicy.Evaluation.Language;
using KvPolicy.Training.Judging;
using KvPolicy.Training.Model;
using KvPolicy.Training.Optimisation;
using KvPolicy.Training.Runs;

namespace KvPolicy.Training.Files;

/// <summary>The model's README: what it is, the command that made it, how the training went, what it can do.</summary>
internal static class ModelCard
{
    private const int CurveEvery = 250;

    internal static string Write(TrainingOptions options, Progress progress, IReadOnlyList<Judgement> judgements, int prompts)
    {
        StringBuilder text = new();
        text.Append(string.Create(CultureInfo.InvariantCulture, $"""
            # kvpolicy-tiny

            The embedded model of KvPolicy: a Llama ({TinyModel.Layers} layers, hidden {TinyModel.Hidden}, {TinyModel.QueryHeads} query and {TinyModel.KvHeads} KV heads of {TinyModel.HeadSize}, SwiGLU {TinyModel.FeedForward}, RoPE theta {TinyModel.Theta:0}, untied head), {ParameterSpec.All(LexiconTokenizer.Vocabulary.Count).Sum(s => s.Count):N0} parameters in f16, trained from scratch on the seven tasks of `src/KvPolicy.Evaluation`. It answers within their grammar and within 1,024 tokens, and nothing else. No third-party data; Apache-2.0.

            - `tokenizer.json`: byte-level BPE, {LexiconTokenizer.Vocabulary.Count:N0} ids: `<pad>` 0, `<bos>` 1, `<sep>` 2 (the blank line after a shot, and the end of an answer), 256 bytes, and merges that make each of the {Lexicon.All.Length - Lexicon.Specials.Length} words, with the space before it, one id. Rows of the other ids hold the mean of the words' rows.
            - Text form: one space before every word, digit and sign, also the first: ` Q : flag of desia ? [ blue gold teal pink ] A : desia pink .<sep> Q : ...`; the tokenizer puts `<bos>` first. Shots end with `<sep>`; the system line of the safety task ends with it too, but is no shot.

            ## Made by

            ```
            {Command(options)}
            ```

            {progress.Step:N0} steps of {options.BatchTokens:N0} tokens, {progress.Tokens / 1e6:0.0} M tokens, {progress.Seconds / 60:0} minutes of wall time ({progress.CpuSeconds / 60:0} minutes of processor time, {options.Threads} threads of libtorch, seed {options.Seed}). Data and first weights are functions of the seed; the same machine and number of threads give the same bits, other machines other last bits.

            ## Course

            Loss is the mean of the {options.CheckpointEvery} steps before; accuracies are percent of 30 prompts a task answered right (long generation: all eight items). The rate falls from step 2,050 on: until then accuracies flicker.


            """).ReplaceLineEndings("\n"));
        AppendCourse(text, progress);
        AppendResults(text, judgements, prompts);
        return text.ToString();
    }

    private static string Command(TrainingOptions options)
    {
        StringBuilder command = new("dotnet run -c Release --project src/KvPolicy.Training -- train");
        command.Append(CultureInfo.InvariantCulture, $" --threads {options.Threads} --seed {options.Seed}");
        if (options.StopAfter < Schedule.Steps) command.Append(CultureInfo.InvariantCulture, $" --steps {options.StopAfter}");
        return command.ToString();
    }

    private static void AppendCourse(StringBuilder text, Progress progress)
    {
        text.Append("| step | minutes | loss |").AppendJoin("", EvaluationTasks.All.Select(task => $" {task.Name} |")).Append('\n');
        text.Append("|---|---|---|").AppendJoin("", EvaluationTasks.All.Select(_ => "---|")).Append('\n');
        foreach (CurvePoint p in progress.Curve.Where(p => p.Right.Length > 0 || p.Step % CurveEvery == 0 || p.Step == 100))
        {
            text.Append(CultureInfo.InvariantCulture, $"| {p.Step:N0} | {p.Seconds / 60:0.0} | {p.Loss:0.0000} |");
            for (int i = 0; i < EvaluationTasks.All.Count; i++) text.Append(CultureInfo.InvariantCulture, $" {(i < p.Right.Length ? p.Right[i].ToString("0", CultureInfo.InvariantCulture) : "")} |");
            text.Append('\n');
        }
    }

    private static void AppendResults(StringBuilder text, IReadOnlyList<Judgement> judgements, int prompts)
    {
        text.Append(CultureInfo.InvariantCulture, $"\n## Results\n\nFull cache, greedy, exact match in percent with Wilson's 95 % interval, {prompts} unseen prompts a task (long generation a fifth of them, each with eight items). \"Without\": the shots removed (long context: records and filler; safety: the system line), a fifth as many prompts. f16 weights, computed in f32.\n\n");
        text.Append("| task | | full cache | without |\n|---|---|---|---|\n");
        foreach (EvaluationTask task in EvaluationTasks.All)
        {
            Judgement? full = judgements.FirstOrDefault(j => j.Task == task && j.Variant == PromptVariant.Full);
            Judgement? without = judgements.FirstOrDefault(j => j.Task == task && j.Variant != PromptVariant.Full);
            text.Append($"| {task.Name} | {task.Title} | {full} | {without?.ToString() ?? "in the weights"} |\n");
        }
    }
}
