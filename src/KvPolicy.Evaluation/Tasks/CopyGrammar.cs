using KvPolicy.Evaluation.Documents;
using KvPolicy.Evaluation.Language;
using KvPolicy.Evaluation.Randomness;

namespace KvPolicy.Evaluation.Tasks;

/// <summary>
/// Lists of a few words, then the same lists again in another order: after the first word of a list the rest of it is known. It exists in
/// training alone, where it teaches to look a word up (induction) on every word of the lexicon at once.
/// </summary>
internal sealed class CopyGrammar : TaskGrammar
{
    private static readonly IntRange Length = new(3, 5);

    internal override string Name => "CP";

    internal override TaskDocument Open(SeededRandom random, DocumentShape shape)
    {
        int count = random.Between(shape.Shots);
        IEnumerable<string> words = Lexicon.All.Except(Lexicon.Specials);
        List<List<string>> records = [.. Enumerable.Range(0, count).Select(_ => random.Sample(words, random.Between(Length)))];
        List<Piece> header = [.. records.Select(r => Piece.Read(PieceKind.Shot, [.. r, Lexicon.Sep]))];
        Queue<List<string>> left = [];
        return new TaskDocument(header, Next);

        Exchange Next()
        {
            if (left.Count == 0) random.Shuffled(records).ForEach(left.Enqueue);
            List<string> record = left.Dequeue();
            return new Exchange(record[..1], record[1..]);
        }
    }
}
