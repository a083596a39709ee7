using KvPolicy.Evaluation.Documents;
using KvPolicy.Evaluation.Randomness;
using KvPolicy.Evaluation.Tasks;

namespace KvPolicy.Evaluation.Rows;

/// <summary>How much of a document is header in a training row of a given length: little enough that questions follow.</summary>
internal static class RowShapes
{
    /// <summary>The row lengths of the curriculum, in tokens.</summary>
    internal static readonly int[] Lengths = [64, 128, 256, 512, 1024];

    private static readonly Dictionary<string, (TaskGrammar Grammar, DocumentShape[] ByLength)> Table = new()
    {
        ["WK"] = (new WorldKnowledgeGrammar(), Shots(new(0, 1), new(0, 2), new(0, 4), new(0, 6), new(0, 8))),
        ["CSR"] = (new CommonsenseGrammar(), Shots(new(0, 1), new(0, 2), new(0, 4), new(0, 6), new(0, 8))),
        ["AR"] = (new ArithmeticGrammar(), Shots(1, new(1, 2), new(2, 6), new(5, 9), new(8, 12))),
        ["CG"] = (new CodeGrammar(), Shots(new(1, 2), new(2, 4), new(4, 8), new(6, 12), new(12, 20))),
        ["SA"] = (new SafetyGrammar(), Shots(new(0, 1), new(0, 3), new(0, 6), new(0, 8), new(0, 8))),
        ["LC"] = (new LongContextGrammar(),
        [
            new(2, Tokens: 18), new(new(2, 4), Tokens: new(20, 70)), new(new(3, 7), Tokens: new(60, 160)), new(new(4, 8), Tokens: new(150, 400)),
            new(new(4, 10), Tokens: new(450, 900)),
        ]),
        ["LG"] = (new LongGenerationGrammar(),
        [
            new(1, Items: 1), new(new(1, 2), Items: new(1, 2)), new(new(2, 5), Items: new(1, 3)), new(new(5, 9), Items: new(2, 8)),
            new(new(8, 12), Items: new(4, 10)),
        ]),
        ["CP"] = (new CopyGrammar(), Shots(new(2, 5), new(3, 10), new(8, 20))),
    };

    /// <summary>The tasks that training rows are made of.</summary>
    internal static IReadOnlyCollection<string> Tasks => Table.Keys;

    /// <summary>True where a task has rows of this length (the copy task ends at 256).</summary>
    internal static bool Has(string task, int length) => Array.IndexOf(Lengths, length) < Table[task].ByLength.Length;

    /// <summary>One row of a task.</summary>
    internal static TrainingRow Write(string task, SeededRandom random, int length)
    {
        (TaskGrammar grammar, DocumentShape[] shapes) = Table[task];
        return TrainingRow.Write(grammar, random, length, shapes[Array.IndexOf(Lengths, length)]);
    }

    private static DocumentShape[] Shots(params IntRange[] ranges) => [.. ranges.Select(range => new DocumentShape(range))];
}
