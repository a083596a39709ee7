using KvPolicy.Evaluation.Documents;
using KvPolicy.Evaluation.Language;
using KvPolicy.Evaluation.Randomness;

namespace KvPolicy.Evaluation.Tasks;

/// <summary>
/// Records, <c>key of meg gold snow 8 .</c>, hidden among sentences of filler; <c>Q : key of meg ? A : meg gold snow 8 .</c> A sentence is a unit
/// of its own to policies that keep whole shots.
/// </summary>
internal sealed class LongContextGrammar : TaskGrammar
{
    private const int RecordTokens = 7;
    private static readonly IntRange SentenceTokens = new(6, 10);

    internal override string Name => "LC";

    internal override TaskDocument Open(SeededRandom random, DocumentShape shape)
    {
        List<Record> records =
        [
            .. random.Sample(Lexicon.Names, random.Between(shape.Shots)).Select(
                name => new Record(name, random.Pick(Lexicon.Colours), random.Pick(Lexicon.Members), random.Pick(Lexicon.Digits))),
        ];
        List<IReadOnlyList<string>> sentences = FillerOf(random, random.Between(shape.Tokens) - (records.Count * RecordTokens));
        int[] gaps = [.. records.Select(_ => random.Below(sentences.Count + 1)).OrderDescending()];
        for (int i = 0; i < gaps.Length; i++) sentences.Insert(gaps[i], records[i].Sentence());

        List<Piece> header = [.. sentences.Select(s => Piece.Read(PieceKind.Shot, s)), Piece.Read(PieceKind.Frame, Lexicon.Sep)];
        Queue<Record> left = [];
        return new TaskDocument(header, Next);

        Exchange Next()
        {
            if (left.Count == 0) random.Shuffled(records).ForEach(left.Enqueue);
            return left.Dequeue().Question();
        }
    }

    /// <summary>Sentences of exactly so many tokens together (none below 1); the last one is cut to length.</summary>
    private static List<IReadOnlyList<string>> FillerOf(SeededRandom random, int tokens)
    {
        List<IReadOnlyList<string>> sentences = [];
        while (tokens > 0)
        {
            int length = Math.Min(random.Between(SentenceTokens), tokens);
            sentences.Add([.. Enumerable.Range(0, length - 1).Select(_ => random.Pick(Lexicon.Filler)), "."]);
            tokens -= length;
        }

        return sentences;
    }

    private sealed record Record(string Name, string Colour, string Member, string Digit)
    {
        internal string[] Sentence() => ["key", "of", Name, Colour, Member, Digit, "."];

        internal Exchange Question() => Ask(["key", "of", Name], [Name, Colour, Member, Digit]);
    }
}
