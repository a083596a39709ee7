using System.Text;

namespace KvPolicy.Inference.Tokenization.Decoding;

/// <summary>
/// Joins bytes that arrive in any portions to text: only whole characters come out, bytes that can no longer become one
/// as U+FFFD at once, and an incomplete character at the end as U+FFFD. Not thread-safe.
/// </summary>
internal sealed class Utf8Stream
{
    private readonly Decoder _decoder = Encoding.UTF8.GetDecoder();

    /// <summary>What the bytes complete; may be empty.</summary>
    public string Feed(ReadOnlySpan<byte> utf8) => Convert(utf8, flush: false);

    /// <summary>U+FFFD where a character stayed incomplete, else empty. The stream may be used again afterwards.</summary>
    public string Finish() => Convert([], flush: true);

    private string Convert(ReadOnlySpan<byte> utf8, bool flush)
    {
        int count = _decoder.GetCharCount(utf8, flush);
        if (count == 0 && !flush)
        {
            _decoder.GetChars(utf8, [], flush);
            return "";
        }
        var chars = new char[count];
        return new string(chars, 0, _decoder.GetChars(utf8, chars, flush));
    }
}
