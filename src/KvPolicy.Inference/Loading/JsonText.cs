using System.Text.Json;
using KvPolicy.Inference.Models;

namespace KvPolicy.Inference.Loading;

/// <summary>JSON out of files that nobody vouches for.</summary>
internal static class JsonText
{
    /// <summary>Parses a text and reads it; whatever the parser objects to, early or late, becomes one line.</summary>
    /// <param name="file">For the message.</param>
    /// <param name="field">For the message.</param>
    /// <param name="utf8">The text; a byte order mark is skipped.</param>
    /// <param name="read">Takes what it needs out of the root.</param>
    /// <exception cref="ModelFormatException">No valid JSON, names that stand twice, or nesting below 64.</exception>
    internal static T Read<T>(string file, string field, ReadOnlyMemory<byte> utf8, Func<JsonElement, T> read)
    {
        if (utf8.Span.StartsWith("\uFEFF"u8)) utf8 = utf8[3..];
        try
        {
            using JsonDocument json = JsonDocument.Parse(utf8, new JsonDocumentOptions { AllowDuplicateProperties = false });
            return read(json.RootElement);
        }
        catch (JsonException e)
        {
            throw LoadError.Damaged(file, field, $"is no valid JSON ({Reason(e)})", e);
        }
        catch (InvalidOperationException e)
        {
            // Strings are decoded when they are asked for: half a surrogate pair or bytes that are no UTF-8 show up then.
            throw LoadError.Damaged(file, field, "holds a string that is no Unicode text", e);
        }
    }

    /// <summary>The parser's reason without the advice meant for programmers that follows its first sentence.</summary>
    private static string Reason(JsonException e)
    {
        int end = e.Message.IndexOf(". ", StringComparison.Ordinal);
        return end < 0 ? e.Message : e.Message[..end];
    }
}
