using KvPolicy.Evaluation.Language;
using KvPolicy.Evaluation.Randomness;

namespace KvPolicy.Evaluation.Documents;

/// <summary>What a part of a prompt is to a policy that keeps or drops whole shots.</summary>
internal enum PieceKind
{
    /// <summary>Belongs to no shot: the system line, or a blank line of its own.</summary>
    Frame,

    /// <summary>One shot; in the long-context task one sentence.</summary>
    Shot,
}

/// <summary>Some words of a document, and which of them the training may ask for because what stands before them settles them.</summary>
/// <param name="Kind">Shot or not.</param>
/// <param name="Words">The words, special ones included.</param>
/// <param name="Targets">One flag a word: in the loss.</param>
internal sealed record Piece(PieceKind Kind, IReadOnlyList<string> Words, IReadOnlyList<bool> Targets)
{
    /// <summary>A piece that is read and never asked for.</summary>
    internal static Piece Read(PieceKind kind, params IEnumerable<string> words)
    {
        string[] all = [.. words];
        return new Piece(kind, all, new bool[all.Length]);
    }
}

/// <summary>A question and its answer.</summary>
/// <param name="Question">Words up to the colon that asks for the answer.</param>
/// <param name="Answer">Words of the answer, its last full stop included, the blank line after it not.</param>
/// <param name="Unsettled">Index in the answer of a word that nothing before it settles, or -1.</param>
internal sealed record Exchange(IReadOnlyList<string> Question, IReadOnlyList<string> Answer, int Unsettled = -1)
{
    /// <summary>Question, answer and blank line, with the answer and the blank line asked for.</summary>
    internal Piece Whole()
    {
        string[] words = [.. Question, .. Answer, Lexicon.Sep];
        bool[] targets = [.. words.Select((_, i) => i >= Question.Count && (Unsettled < 0 || i != Question.Count + Unsettled))];
        return new Piece(PieceKind.Shot, words, targets);
    }
}

/// <summary>A document of one task: what is read first, and then questions on it.</summary>
/// <param name="Header">System line and shots, or records and filler.</param>
/// <param name="Next">The next question; there is always one.</param>
internal sealed record TaskDocument(IReadOnlyList<Piece> Header, Func<Exchange> Next);

/// <summary>How long a document is.</summary>
/// <param name="Shots">Shots before the questions; for the long context and the copy task, records.</param>
/// <param name="Items">Sub-questions of a question (long generation).</param>
/// <param name="Tokens">Tokens of records and filler (long context).</param>
internal readonly record struct DocumentShape(IntRange Shots, IntRange Items = default, IntRange Tokens = default);
