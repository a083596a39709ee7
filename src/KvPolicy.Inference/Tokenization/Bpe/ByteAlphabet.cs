using System.Text;

namespace KvPolicy.Inference.Tokenization.Bpe;

/// <summary>GPT-2's one printable character for each byte, in which byte-level vocabularies are written.</summary>
internal static class ByteAlphabet
{
    private static readonly char[] CharOfByte = MakeChars();
    private static readonly short[] ByteOfChar = MakeBytes();

    internal static char ToChar(byte value) => CharOfByte[value];

    /// <summary>The text's UTF-8 bytes, one character each; a lone surrogate counts as U+FFFD.</summary>
    internal static string FromText(ReadOnlySpan<char> text)
    {
        byte[] utf8 = new byte[Encoding.UTF8.GetMaxByteCount(text.Length)];
        int count = Encoding.UTF8.GetBytes(text, utf8);
        return string.Create(count, utf8, static (chars, bytes) =>
        {
            for (int i = 0; i < chars.Length; i++) chars[i] = CharOfByte[bytes[i]];
        });
    }

    /// <summary>The bytes that a token of the alphabet stands for; a token with any other character stands for its own UTF-8.</summary>
    internal static byte[] ToBytes(string token)
    {
        var bytes = new byte[token.Length];
        for (int i = 0; i < token.Length; i++)
        {
            int value = token[i] < ByteOfChar.Length ? ByteOfChar[token[i]] : -1;
            if (value < 0) return Encoding.UTF8.GetBytes(token);
            bytes[i] = (byte)value;
        }
        return bytes;
    }

    // Printable Latin-1 stands for itself; the other bytes, in order, for the characters from U+0100 on.
    private static char[] MakeChars()
    {
        var chars = new char[256];
        int next = 0x100;
        for (int b = 0; b < 256; b++)
        {
            bool printable = b is (>= '!' and <= '~') or (>= 0xA1 and <= 0xAC) or >= 0xAE;
            chars[b] = printable ? (char)b : (char)next++;
        }
        return chars;
    }

    private static short[] MakeBytes()
    {
        var bytes = new short[CharOfByte.Max() + 1];
        Array.Fill(bytes, (short)-1);
        for (int b = 0; b < 256; b++) bytes[CharOfByte[b]] = (short)b;
        return bytes;
    }
}
