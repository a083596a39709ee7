using KvPolicy.Evaluation.Documents;
using KvPolicy.Evaluation.Scoring;

namespace KvPolicy.Evaluation;

/// <summary>One question of a task: its prompt, the right answer, and how an answer is judged.</summary>
public sealed class TaskInstance
{
    private readonly IReadOnlyList<Piece> _header;
    private readonly Exchange _asked;

    internal TaskInstance(EvaluationTask task, ulong seed, int index, IReadOnlyList<Piece> header, Exchange asked)
    {
        (Task, Seed, Index, _header, _asked) = (task, seed, index, header, asked);
        Prompt = Variant(PromptVariant.Full);
        Answer = TaskPrompt.TextOf(asked.Answer);
    }

    /// <summary>The task that it belongs to.</summary>
    public EvaluationTask Task { get; }

    /// <summary>The seed that it was made from.</summary>
    public ulong Seed { get; }

    /// <summary>Its number under that seed, from 0.</summary>
    public int Index { get; }

    /// <summary>The whole prompt.</summary>
    public TaskPrompt Prompt { get; }

    /// <summary>The right answer as the model writes it: a space first, the last full stop included, the closing <c>&lt;sep&gt;</c> not.</summary>
    public string Answer { get; }

    /// <summary>Words of the answer: as many tokens.</summary>
    internal IReadOnlyList<string> AnswerWords => _asked.Answer;

    /// <summary>The prompt or a part of it. The question and the right answer stay the same.</summary>
    /// <exception cref="ArgumentOutOfRangeException">No such variant.</exception>
    public TaskPrompt Variant(PromptVariant variant) => new(
        variant switch
        {
            PromptVariant.Full => _header,
            PromptVariant.ShotsRemoved => [.. _header.Where(IsSystemLine)],
            PromptVariant.SystemLineRemoved => [.. _header.Where(piece => !IsSystemLine(piece))],
            _ => throw new ArgumentOutOfRangeException(nameof(variant), variant, "A prompt is whole, without shots, or without its system line."),
        },
        _asked.Question);

    /// <summary>
    /// How right an answer is, 0 to 1. What counts ends with the last full stop before the first <c>&lt;sep&gt;</c>; white space is not looked at.
    /// Long generation gives the share of its sub-questions whose item (label to full stop) is right, every other task all or nothing.
    /// </summary>
    /// <param name="output">What the model wrote after the prompt.</param>
    public double Score(string output)
    {
        ArgumentNullException.ThrowIfNull(output);
        return Task.ScoresItems ? AnswerScoring.ShareOfItems(Answer, output) : AnswerScoring.IsExact(Answer, output) ? 1 : 0;
    }

    // A blank line of its own (long context) goes with what it ends.
    private static bool IsSystemLine(Piece piece) => piece.Kind == PieceKind.Frame && piece.Words.Count > 1;
}
