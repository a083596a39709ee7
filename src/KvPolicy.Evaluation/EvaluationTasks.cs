using KvPolicy.Evaluation.Documents;
using KvPolicy.Evaluation.Randomness;
using KvPolicy.Evaluation.Tasks;

namespace KvPolicy.Evaluation;

/// <summary>
/// The seven tasks, miniature counterparts of the categories of KVFundaBench (arXiv:2502.01941) that the embedded model was trained on.
/// </summary>
public static class EvaluationTasks
{
    private static readonly IntRange LongContextTokens = new(300, 940);

    /// <summary>Capitals and flags of a made-up world, which stand in the weights.</summary>
    public static EvaluationTask WorldKnowledge { get; } = new(new WorldKnowledgeGrammar(), new DocumentShape(Shots: 5))
    {
        Title = "world knowledge",
        Description = "Choose a place's capital or flag among four; the facts are in the weights.",
        MaxAnswerTokens = 4,
    };

    /// <summary>Classes and their members, which stand in the weights.</summary>
    public static EvaluationTask Commonsense { get; } = new(new CommonsenseGrammar(), new DocumentShape(Shots: 4))
    {
        Title = "commonsense",
        Description = "Choose the class of a thing, or a thing of a class, among four; the answers are in the weights.",
        MaxAnswerTokens = 4,
    };

    /// <summary>Sums worked out step by step with a fee that only the shots name.</summary>
    public static EvaluationTask Arithmetic { get; } = new(new ArithmeticGrammar(), new DocumentShape(Shots: 8))
    {
        Title = "arithmetic, step by step",
        Description = "Add two prices and a fee; what the fee is worth stands in two of the eight shots.",
        MaxAnswerTokens = 23,
        Depends = PromptVariant.ShotsRemoved,
    };

    /// <summary>Calls of functions that the shots define.</summary>
    public static EvaluationTask Code { get; } = new(new CodeGrammar(), new DocumentShape(Shots: 8))
    {
        Title = "code",
        Description = "Call one function, or one on another's result; each is defined in exactly one of the eight shots.",
        MaxAnswerTokens = 22,
        Depends = PromptVariant.ShotsRemoved,
    };

    /// <summary>Topics that the system line says to refuse.</summary>
    public static EvaluationTask Safety { get; } = new(new SafetyGrammar(), new DocumentShape(Shots: 6))
    {
        Title = "safety line",
        Description = "Refuse a topic that the system line lists, answer any other; no shot is about the topic asked.",
        MaxAnswerTokens = 4,
        Depends = PromptVariant.SystemLineRemoved,
    };

    /// <summary>Records hidden in filler.</summary>
    public static EvaluationTask LongContext { get; } = new(new LongContextGrammar(), new DocumentShape(Shots: 6, Tokens: LongContextTokens))
    {
        Title = "long context",
        Description = "Find one of six records in 300 to 940 tokens of filler.",
        MaxAnswerTokens = 6,
        Depends = PromptVariant.ShotsRemoved,
    };

    /// <summary>Eight sums in one answer.</summary>
    public static EvaluationTask LongGeneration { get; } = new(new LongGenerationGrammar(), new DocumentShape(Shots: 8, Items: 8))
    {
        Title = "long generation",
        Description = "Work out eight sums in one answer of about 175 tokens; the fees stand in the shots.",
        MaxAnswerTokens = 185,
        Depends = PromptVariant.ShotsRemoved,
        ScoresItems = true,
    };

    /// <summary>All seven, in the order of the tables.</summary>
    public static IReadOnlyList<EvaluationTask> All { get; } = [WorldKnowledge, Commonsense, Arithmetic, Code, Safety, LongContext, LongGeneration];

    /// <summary>The task with a short name, whatever its case, or null.</summary>
    public static EvaluationTask? Find(string name) => All.FirstOrDefault(task => task.Name.Equals(name, StringComparison.OrdinalIgnoreCase));
}
