using System.Globalization;
using System.Text;

namespace KvPolicy.Witness;

/// <summary>Strings of assigned code points, rich in what tokenizers disagree about. The same seed gives the same strings.</summary>
internal sealed class RandomText(int seed)
{
    private static readonly string[] Fixed =
    [
        "'s", "'S", "'ll", "'LL", "'Re", "'\u017F", "don't", "\r\n", "\n", "\n\n", "\t", " \n ", "\u00A0", "\u3000", "\u2028", "\u0085", "\u200B", "\u200D", "\uFEFF",
        "\U0001F469\u200D\U0001F469\u200D\U0001F467", "\U0001F44D\U0001F3FD", "\u2764\uFE0F", "\U0001F1E9\U0001F1EA", "e\u0301", "\u1100\u1161\u11A8", "\uAC00\u11A8", "q\u0323\u0307", "\u0958", "\u212B",
        "\U0001D518\U0001D52B", "\U00010348", "\U0001D7D8\U0001D7D9", "\u0661\u0662", "\u00BD", "\u2167", "\u2460", "\u4F60\u597D", "\u6771\u4EAC", "\u30BF\u30EF\u30FC", "\uFF5E", "\u2026\u2019",
        "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|begin_of_text|>", "<|eot_id|>", "<bos>", "<sep>", "<|im", "|>", "<pad>",
    ];

    // Marks that Unicode 10 and later added. The library's tables for NFC are of Unicode 9: it leaves these where they stand, .NET puts them in
    // order.
    private static readonly (int First, int Last)[] NewerMarks =
    [
        (0x7FD, 0x7FD), (0x898, 0x89F), (0x8CA, 0x8D3), (0x9FE, 0x9FE), (0xC3C, 0xC3C), (0xD3B, 0xD3C), (0xEBA, 0xEBA), (0x1715, 0x1715), (0x1ABF,
        0x1ACE), (0x1DF6, 0x1DFA), (0xA82C, 0xA82C), (0x10D24, 0x10D27), (0x10EAB, 0x10EAC), (0x10EFD, 0x10EFF), (0x10F46, 0x10F50), (0x10F82,
        0x10F85), (0x11070, 0x11070), (0x1133B, 0x1133B), (0x1145E, 0x1145E), (0x11839, 0x1183A), (0x1193D, 0x1193E), (0x11943, 0x11943), (0x119E0,
        0x119E0), (0x11A34, 0x11A34), (0x11A47, 0x11A47), (0x11A99, 0x11A99), (0x11D42, 0x11D42), (0x11D44, 0x11D45), (0x11D97, 0x11D97), (0x11F41,
        0x11F42), (0x16FF0, 0x16FF1), (0x1E08F, 0x1E08F), (0x1E130, 0x1E136), (0x1E2AE, 0x1E2AE), (0x1E2EC, 0x1E2EF), (0x1E4EC, 0x1E4EF),
    ];

    private static readonly int[] Assigned = [.. Enumerable.Range(0, 0x110000).Where(c => IsAssigned(c)
        && !NewerMarks.Any(range => range.First <= c && c <= range.Last))];

    private readonly Random _random = new(seed);

    internal string Next()
    {
        var text = new StringBuilder();
        for (int parts = _random.Next(0, 14); parts > 0; parts--) Part(text);
        return text.ToString();
    }

    private void Part(StringBuilder text)
    {
        switch (_random.Next(9))
        {
            case 0: text.Append(' ', _random.Next(1, 9)); break;
            case 1: Run(text, "0123456789", 6); break;
            case 2: Run(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", 8); break;
            case 3: Run(text, "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", 4); break;
            case 4: text.Append(Fixed[_random.Next(Fixed.Length)]); break;
            case 5: for (int i = _random.Next(1, 4); i > 0; i--) text.Append((char)_random.Next(0x300, 0x370)); break;
            case 6: text.Append((char)_random.Next(0, 0x20)); break;
            case 7: text.Append(char.ConvertFromUtf32(Assigned[_random.Next(Assigned.Length)])); break;
            // Most assigned code points are ideographs and private; this draws from the alphabets.
            default: text.Append(char.ConvertFromUtf32(Assigned[_random.Next(0x2E00)])); break;
        }
    }

    private void Run(StringBuilder text, string alphabet, int longest)
    {
        for (int i = _random.Next(1, longest + 1); i > 0; i--) text.Append(alphabet[_random.Next(alphabet.Length)]);
    }

    internal static bool IsAssigned(int codePoint)
        => codePoint is < 0xD800 or > 0xDFFF && CharUnicodeInfo.GetUnicodeCategory(codePoint) != UnicodeCategory.OtherNotAssigned;
}
