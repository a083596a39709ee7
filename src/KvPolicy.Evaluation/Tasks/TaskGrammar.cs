using KvPolicy.Evaluation.Documents;
using KvPolicy.Evaluation.Randomness;

namespace KvPolicy.Evaluation.Tasks;

/// <summary>How the documents of one task are made. Pure: the same random stream and shape give the same document.</summary>
internal abstract class TaskGrammar
{
    /// <summary>Two capital letters.</summary>
    internal abstract string Name { get; }

    /// <summary>Opens a document: header now, questions one by one.</summary>
    internal abstract TaskDocument Open(SeededRandom random, DocumentShape shape);

    /// <summary>The form that all tasks share: <c>Q : ... ? A :</c>, then the answer and a full stop.</summary>
    private protected static Exchange Ask(IEnumerable<string> asked, IEnumerable<string> answer, int unsettled = -1) =>
        new(["Q", ":", .. asked, "?", "A", ":"], [.. answer, "."], unsettled);

    /// <summary>The same with a choice: <c>Q : ... ? [ options ] A :</c>.</summary>
    private protected static Exchange AskWithOptions(IEnumerable<string> asked, IEnumerable<string> options, IEnumerable<string> answer) =>
        new(["Q", ":", .. asked, "?", "[", .. options, "]", "A", ":"], [.. answer, "."]);

    /// <summary>So many exchanges as shots.</summary>
    private protected static List<Piece> Shots(int count, Func<Exchange> next) => [.. Enumerable.Range(0, count).Select(_ => next().Whole())];
}
