using System.Text.Json;
using KvPolicy.Cli.CommandLine;

namespace KvPolicy.Cli.Inputs;

/// <summary>JSON arrays as arguments name them: token ids, texts, shot numbers.</summary>
internal static class JsonFile
{
    /// <summary>An array of whole numbers within a range.</summary>
    /// <param name="option">Option that names the file.</param>
    /// <param name="path">The file.</param>
    /// <param name="what">What a number is: <c>token id</c>.</param>
    /// <param name="least">Least allowed.</param>
    /// <param name="most">Greatest allowed.</param>
    internal static int[] Numbers(string option, string path, string what, int least, int most)
        => Items(option, path, "whole numbers", (item, index) =>
        {
            if (item.ValueKind == JsonValueKind.Number && item.TryGetInt32(out int value) && value >= least && value <= most) return value;
            string shown = item.ValueKind is JsonValueKind.Number or JsonValueKind.True or JsonValueKind.False or JsonValueKind.Null ? item.GetRawText() : $"a JSON {item.ValueKind}".ToLowerInvariant();
            throw new UsageException($"{option} {path}: entry {index} is {shown}, but a {what} is a whole number from {least} to {most}");
        });

    /// <summary>An array of strings.</summary>
    internal static string[] Texts(string option, string path)
        => Items(option, path, "strings", (item, index) =>
        {
            if (item.ValueKind != JsonValueKind.String) throw new UsageException($"{option} {path}: entry {index} is a JSON {item.ValueKind.ToString().ToLowerInvariant()}, not a string");
            try
            {
                return item.GetString()!;
            }
            catch (InvalidOperationException)
            {
                throw new UsageException($"{option} {path}: entry {index} holds half of a surrogate pair, which is no text; write the character whole");
            }
        });

    private static T[] Items<T>(string option, string path, string of, Func<JsonElement, int, T> read)
    {
        byte[] bytes = TextFile.ReadBytes(option, path);
        ReadOnlyMemory<byte> json = bytes.AsSpan().StartsWith("\uFEFF"u8) ? bytes.AsMemory(3) : bytes;
        try
        {
            using var document = JsonDocument.Parse(json);
            if (document.RootElement.ValueKind != JsonValueKind.Array) throw new UsageException($"{option} {path}: holds a JSON {document.RootElement.ValueKind.ToString().ToLowerInvariant()}, not an array of {of}");
            int index = 0;
            var items = new T[document.RootElement.GetArrayLength()];
            foreach (JsonElement item in document.RootElement.EnumerateArray())
            {
                items[index] = read(item, index);
                index++;
            }

            return items;
        }
        catch (JsonException e)
        {
            throw new UsageException($"{option} {path}: is not JSON (line {e.LineNumber + 1}, byte {e.BytePositionInLine}); write an array of {of}");
        }
    }
}
