using KvPolicy.Evaluation.Documents;
using KvPolicy.Evaluation.Randomness;
using KvPolicy.Evaluation.Tasks;

namespace KvPolicy.Evaluation;

/// <summary>A kind of question, with as many instances as one likes: each is a pure function of a seed and an index.</summary>
public sealed class EvaluationTask
{
    /// <summary>Keeps evaluation prompts apart from training rows of the same seed.</summary>
    private const ulong EvaluationDomain = 1;

    private readonly DocumentShape _shape;

    internal EvaluationTask(TaskGrammar grammar, DocumentShape shape)
    {
        (Grammar, _shape) = (grammar, shape);
    }

    /// <summary>Short name, say <c>WK</c>.</summary>
    public string Name => Grammar.Name;

    /// <summary>Readable name, say <c>world knowledge</c>.</summary>
    public required string Title { get; init; }

    /// <summary>One sentence: what is asked, and where the answer is to be found.</summary>
    public required string Description { get; init; }

    /// <summary>Tokens that suffice for any answer of the task and the <c>&lt;sep&gt;</c> behind it.</summary>
    public required int MaxAnswerTokens { get; init; }

    /// <summary>
    /// The variant that takes the answer away from the model, or <see cref="PromptVariant.Full"/> where the answer is in the weights.
    /// </summary>
    public PromptVariant Depends { get; init; } = PromptVariant.Full;

    /// <summary>True where an answer has several items and its score is the share that is right.</summary>
    public bool ScoresItems { get; init; }

    /// <summary>How the task's documents are made.</summary>
    internal TaskGrammar Grammar { get; }

    /// <summary>The instance with this number.</summary>
    /// <param name="seed">Any number; every seed has instances of its own.</param>
    /// <param name="index">From 0.</param>
    /// <exception cref="ArgumentOutOfRangeException">A negative index.</exception>
    public TaskInstance Instance(ulong seed, int index)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        SeededRandom random = new(EvaluationDomain, seed, Key(Name), (ulong)index);
        TaskDocument document = Grammar.Open(random, _shape);
        return new TaskInstance(this, seed, index, document.Header, document.Next());
    }

    /// <summary>The name.</summary>
    public override string ToString() => Name;

    private static ulong Key(string name) => name.Aggregate(0UL, (key, letter) => (key << 8) | letter);
}
