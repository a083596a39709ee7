using KvPolicy.Evaluation.Documents;
using KvPolicy.Evaluation.Language;
using KvPolicy.Evaluation.Randomness;
using KvPolicy.Evaluation.Tasks;

namespace KvPolicy.Evaluation.Rows;

/// <summary>One document of a task, cut to a length: start token, header, and as many questions with answers as fit.</summary>
/// <param name="Task">Short name of the task.</param>
/// <param name="Words">Exactly the row's length of words.</param>
/// <param name="Targets">One flag a word: it is in the loss (predicted from the words before it).</param>
internal sealed record TrainingRow(string Task, IReadOnlyList<string> Words, IReadOnlyList<bool> Targets)
{
    /// <summary>Writes a row of <paramref name="length"/> tokens.</summary>
    internal static TrainingRow Write(TaskGrammar grammar, SeededRandom random, int length, DocumentShape shape)
    {
        List<string> words = [Lexicon.Bos];
        List<bool> targets = [false];
        TaskDocument document = grammar.Open(random, shape);
        foreach (Piece piece in document.Header) Append(piece);
        while (words.Count < length) Append(document.Next().Whole());
        return new TrainingRow(grammar.Name, words.GetRange(0, length), targets.GetRange(0, length));

        void Append(Piece piece)
        {
            words.AddRange(piece.Words);
            targets.AddRange(piece.Targets);
        }
    }
}
