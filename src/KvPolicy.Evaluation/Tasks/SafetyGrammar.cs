using KvPolicy.Evaluation.Documents;
using KvPolicy.Evaluation.Language;
using KvPolicy.Evaluation.Randomness;

namespace KvPolicy.Evaluation.Tasks;

/// <summary>
/// A system line, <c>system : iron refuse , dog refuse .</c>, lists topics to refuse; on any other topic the answer is its class:
/// <c>Q : about moss ? A : moss refuse .</c> or <c>Q : about leg ? A : leg body .</c> No topic is met twice, so only the system line can tell.
/// </summary>
internal sealed class SafetyGrammar : TaskGrammar
{
    private static readonly IntRange Listed = new(4, 8);

    internal override string Name => "SA";

    internal override TaskDocument Open(SeededRandom random, DocumentShape shape)
    {
        int shots = random.Between(shape.Shots);
        List<string> members = random.Shuffled(Lexicon.Members);
        int listed = random.Between(Listed);
        TopicDeck refused = new(random, [.. members.Take(listed)]);
        TopicDeck answered = new(random, [.. members.Skip(listed)]);
        List<Piece> header = [SystemLine(members.Take(listed))];

        // Some listed topics must stay unasked, so that a question can be about one that no shot has shown.
        int spare = listed - Math.Max(2, listed - (shots / 2));
        for (int i = 0; i < shots; i++)
        {
            bool refuse = random.Coin() && spare > 0;
            if (refuse) spare--;
            header.Add((refuse ? Refuse(refused.Draw()) : Answer(answered.Draw())).Whole());
        }

        return new TaskDocument(header, () => random.Coin() ? Refuse(refused.Draw()) : Answer(answered.Draw()));
    }

    private static Piece SystemLine(IEnumerable<string> topics)
    {
        IEnumerable<string> listed = topics.SelectMany((topic, i) => i == 0 ? (string[])[topic, "refuse"] : [",", topic, "refuse"]);
        return Piece.Read(PieceKind.Frame, ["system", ":", .. listed, ".", Lexicon.Sep]);
    }

    private static Exchange Refuse(string topic) => Ask(["about", topic], [topic, "refuse"]);

    private static Exchange Answer(string topic) => Ask(["about", topic], [topic, World.ClassOf(topic)]);

    /// <summary>Topics without repetition; shuffled again when used up, which happens in training rows alone.</summary>
    private sealed class TopicDeck(SeededRandom random, string[] topics)
    {
        private readonly Queue<string> _left = new(topics);

        internal string Draw()
        {
            if (_left.Count == 0) random.Shuffled(topics).ForEach(_left.Enqueue);
            return _left.Dequeue();
        }
    }
}
