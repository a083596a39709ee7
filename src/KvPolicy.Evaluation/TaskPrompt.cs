using System.Text;
using KvPolicy.Evaluation.Documents;
using KvPolicy.Evaluation.Language;

namespace KvPolicy.Evaluation;

/// <summary>
/// A prompt as text, and where its shots and its question lie, in characters and in tokens of the embedded model: one token a word, with the
/// start token first, which its tokenizer adds. Special tokens are written in the text (<c>&lt;sep&gt;</c>) and are to be recognised.
/// </summary>
public sealed class TaskPrompt
{
    internal TaskPrompt(IReadOnlyList<Piece> header, IReadOnlyList<string> question)
    {
        StringBuilder text = new();
        List<TextSpan> shots = [];
        List<int> shotOfToken = [-1];
        foreach (Piece piece in header)
        {
            int start = text.Length;
            Append(text, piece.Words);
            shotOfToken.AddRange(Enumerable.Repeat(piece.Kind == PieceKind.Shot ? shots.Count : -1, piece.Words.Count));
            if (piece.Kind == PieceKind.Shot) shots.Add(new TextSpan(start, text.Length - start));
        }

        QuestionStart = text.Length;
        QuestionToken = shotOfToken.Count;
        Append(text, question);
        shotOfToken.AddRange(Enumerable.Repeat(-1, question.Count));
        (Text, Shots, ShotOfToken) = (text.ToString(), shots, shotOfToken);
    }

    /// <summary>The prompt, without the start token; it ends where the answer begins.</summary>
    public string Text { get; }

    /// <summary>The shots in order, each with the <c>&lt;sep&gt;</c> that ends it; in the long-context task the sentences.</summary>
    public IReadOnlyList<TextSpan> Shots { get; }

    /// <summary>Offset of the question's first character in <see cref="Text"/>.</summary>
    public int QuestionStart { get; }

    /// <summary>Index of the question's first token; the start token is 0.</summary>
    public int QuestionToken { get; }

    /// <summary>
    /// One entry a token of the whole prompt, the start token first: the number of its shot, or -1 (start token, system line, question). It is
    /// what a shot map on the command line holds.
    /// </summary>
    public IReadOnlyList<int> ShotOfToken { get; }

    /// <summary>Words as text: a space before each, none before a special one.</summary>
    internal static string TextOf(IReadOnlyList<string> words)
    {
        StringBuilder text = new();
        Append(text, words);
        return text.ToString();
    }

    private static void Append(StringBuilder text, IReadOnlyList<string> words)
    {
        foreach (string word in words)
        {
            if (!Lexicon.Specials.Contains(word)) text.Append(' ');
            text.Append(word);
        }
    }
}
