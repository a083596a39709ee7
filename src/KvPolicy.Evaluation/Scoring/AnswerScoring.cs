using KvPolicy.Evaluation.Language;

namespace KvPolicy.Evaluation.Scoring;

/// <summary>Exact match, whole or item by item.</summary>
internal static class AnswerScoring
{
    private const string Stop = ".";

    /// <summary>True where the words of the output up to its last full stop are those of the answer.</summary>
    internal static bool IsExact(string answer, string output)
    {
        string[] written = Words(output);
        int stop = Array.LastIndexOf(written, Stop);
        return written[..(stop + 1)].SequenceEqual(Words(answer));
    }

    /// <summary>The share of the answer's items which the output has; of several items with one label, the first counts.</summary>
    internal static double ShareOfItems(string answer, string output)
    {
        List<string[]> asked = Items(Words(answer));
        List<string[]> written = Items(Words(output));
        int right = asked.Count(item => written.FirstOrDefault(w => w[0] == item[0]) is { } found && found.SequenceEqual(item));
        return (double)right / asked.Count;
    }

    private static string[] Words(string text)
    {
        int end = text.IndexOf(Lexicon.Sep, StringComparison.Ordinal);
        return text[..(end < 0 ? text.Length : end)].Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
    }

    private static List<string[]> Items(string[] words)
    {
        List<string[]> items = [];
        int start = 0;
        for (int i = 0; i < words.Length; i++)
        {
            if (words[i] != Stop) continue;
            items.Add(words[start..(i + 1)]);
            start = i + 1;
        }

        return items;
    }
}
