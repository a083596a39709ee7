using System.Text;
using KvPolicy.Inference.Tokenization;
using KvPolicy.Inference.Tokenization.Decoding;

namespace KvPolicy.Inference.Generation;

/// <summary>Text as it grows, up to the first stop sequence. What may yet become one is held back.</summary>
/// <param name="tokenizer">Of the model.</param>
/// <param name="stops">Texts that end it; none of them empty.</param>
/// <param name="onText">Receives what is certain; null for nobody.</param>
internal sealed class GeneratedText(ITextTokenizer tokenizer, IReadOnlyList<string> stops, Action<string>? onText)
{
    private readonly TokenStream _stream = new(tokenizer, skipSpecial: true, atTextStart: false);
    private readonly StringBuilder _text = new();   // given out
    private string _waiting = "";                   // perhaps the beginning of a stop sequence
    private bool _stopped;

    /// <summary>Adds a token; true where it completed a stop sequence.</summary>
    internal bool Add(int id)
    {
        Take(_stream.Feed(id));
        return _stopped;
    }

    /// <summary>The whole text.</summary>
    internal string Finish()
    {
        if (!_stopped)
        {
            Take(_stream.Finish());
            if (!_stopped) Give(_waiting);
        }

        return _text.ToString();
    }

    private void Take(string piece)
    {
        if (piece.Length == 0) return;
        string text = _waiting + piece;
        int end = text.Length;
        foreach (string stop in stops)
        {
            int at = text.IndexOf(stop, StringComparison.Ordinal);
            if (at < 0 || at > end) continue;
            (end, _stopped) = (at, true);
        }

        if (!_stopped) end -= LongestBeginning(text);
        _waiting = text[end..];
        Give(text[..end]);
    }

    /// <summary>Characters at the end of a text that some stop sequence begins with.</summary>
    private int LongestBeginning(string text)
    {
        int longest = 0;
        foreach (string stop in stops)
        {
            for (int length = Math.Min(stop.Length - 1, text.Length); length > longest; length--)
            {
                if (text.AsSpan(text.Length - length).SequenceEqual(stop.AsSpan(0, length))) longest = length;
            }
        }

        return longest;
    }

    private void Give(string piece)
    {
        if (piece.Length == 0) return;
        _text.Append(piece);
        onText?.Invoke(piece);
    }
}
