using KvPolicy.Inference.Tokenization;

namespace KvPolicy.Cli.Inputs;

/// <summary>Which shot of a few-shot prompt each token belongs to.</summary>
internal static class ShotSplitter
{
    /// <summary>Cuts a text after each separator: every piece but the last is a shot, its separator included.</summary>
    /// <param name="text">The prompt.</param>
    /// <param name="separator">Not empty.</param>
    /// <param name="tokens">Tokens of the prompt; a token belongs to the piece of its first character.</param>
    /// <returns>A shot's number for each token, -1 for those of the last piece and for those that tokenizer or template added.</returns>
    internal static int[] Map(string text, string separator, IReadOnlyList<TextToken> tokens)
    {
        List<int> ends = Ends(text, separator);
        var map = new int[tokens.Count];
        for (int i = 0; i < map.Length; i++)
        {
            map[i] = tokens[i].Start < 0 ? -1 : ShotAt(ends, tokens[i].Start);
        }

        return map;
    }

    // Offset past each shot, ascending.
    private static List<int> Ends(string text, string separator)
    {
        var ends = new List<int>();
        for (int at = 0; (at = text.IndexOf(separator, at, StringComparison.Ordinal)) >= 0;)
        {
            at += separator.Length;
            ends.Add(at);
        }

        return ends;
    }

    private static int ShotAt(List<int> ends, int offset)
    {
        int found = ends.BinarySearch(offset);
        int shot = found >= 0 ? found + 1 : ~found;
        return shot == ends.Count ? -1 : shot;
    }
}
