using System.Buffers.Binary;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using KvPolicy.Inference;

namespace KvPolicy.Cli.Output.Inspections;

/// <summary>
/// What the page's script reads, as JSON in ASCII that cannot end a script element. Scores are base64 of little-endian floats, exact;
/// kept sets are base64 of bitmaps, a row for each layer and KV head, the lowest bit of a byte first.
/// </summary>
internal static class InspectionPageData
{
    /// <summary>The JSON.</summary>
    internal static string Of(Inspection seen, string model, int layer, int kvHead)
    {
        using var bytes = new MemoryStream();
        // The default encoder escapes <, >, &, quotes and everything beyond ASCII.
        using (var json = new Utf8JsonWriter(bytes, new JsonWriterOptions { Encoder = JavaScriptEncoder.Default }))
        {
            json.WriteStartObject();
            json.WriteString("model", model);
            json.WriteStartObject("view");
            json.WriteNumber("layer", layer);
            json.WriteNumber("head", kvHead);
            json.WriteEndObject();
            WriteRun(json, seen);
            WriteTokens(json, seen.Tokens);
            WriteHeads(json, seen);
            JsonParts.WriteStrings(json, "notes", seen.Notes);
            json.WriteEndObject();
        }

        return Encoding.ASCII.GetString(bytes.GetBuffer(), 0, (int)bytes.Length);
    }

    private static void WriteRun(Utf8JsonWriter json, Inspection seen)
    {
        Receipt receipt = seen.Result.Receipt;
        json.WriteString("device", receipt.Device);
        if (receipt.Policy is { } policy)
        {
            json.WriteStartObject("policy");
            json.WriteString("name", policy.Name);
            json.WriteStartObject("parameters");
            foreach ((string name, string value) in policy.Parameters) json.WriteString(name, value);
            json.WriteEndObject();
            json.WriteEndObject();
        }
        else json.WriteNull("policy");
        json.WriteNumber("promptTokens", seen.Result.PromptTokens);
        json.WriteNumber("generatedTokens", seen.Result.GeneratedTokens);
        json.WriteNumber("cachedTokens", seen.CachedTokens);
        json.WriteString("stop", ReceiptOutput.StopOf(seen.Result));
        if (seen.Budget is { } budget) json.WriteNumber("budget", budget);
        else json.WriteNull("budget");
        if (seen.DecodeBudget is { } decode) json.WriteNumber("decodeBudget", decode);
        else json.WriteNull("decodeBudget");
        ReceiptOutput.WriteCacheBytes(json, receipt.CacheBytes);
        ReceiptOutput.WriteSeconds(json, receipt.Seconds);
    }

    private static void WriteTokens(Utf8JsonWriter json, IReadOnlyList<InspectedToken> tokens)
    {
        json.WriteStartArray("ids");
        foreach (InspectedToken token in tokens) json.WriteNumberValue(token.Id);
        json.WriteEndArray();
        JsonParts.WriteStrings(json, "texts", [.. tokens.Select(token => token.Text)]);
        json.WriteStartArray("shots");
        if (tokens.Any(token => token.Shot >= 0))
        {
            foreach (InspectedToken token in tokens) json.WriteNumberValue(token.Shot);
        }

        json.WriteEndArray();
    }

    private static void WriteHeads(Utf8JsonWriter json, Inspection seen)
    {
        IReadOnlyList<InspectedHead> heads = [.. seen.Heads.SelectMany(layer => layer)];
        json.WriteNumber("layers", seen.Heads.Count);
        json.WriteNumber("kvHeads", heads.Count / seen.Heads.Count);
        json.WriteBoolean("hasScores", seen.HasScores);
        json.WriteBase64String("scores", seen.HasScores ? Floats(heads) : []);
        int length = seen.Tokens.Count;
        json.WriteBase64String("kept", Bitmaps(heads, length, head => head.Kept));
        json.WriteBase64String("keptEnd", Bitmaps(heads, length, head => head.KeptEnd));
        json.WriteBase64String("protected", Bitmaps(heads, length, head => head.Protected));
        json.WriteBase64String("protectedEnd", Bitmaps(heads, length, head => head.ProtectedEnd));
    }

    private static byte[] Floats(IReadOnlyList<InspectedHead> heads)
    {
        var bytes = new byte[heads.Sum(head => head.Scores.Count) * sizeof(float)];
        int at = 0;
        foreach (float score in heads.SelectMany(head => head.Scores))
        {
            BinaryPrimitives.WriteSingleLittleEndian(bytes.AsSpan(at), score);
            at += sizeof(float);
        }

        return bytes;
    }

    private static byte[] Bitmaps(IReadOnlyList<InspectedHead> heads, int length, Func<InspectedHead, IReadOnlyList<int>> positions)
    {
        int rowBytes = (length + 7) / 8;
        var bits = new byte[heads.Count * rowBytes];
        for (int row = 0; row < heads.Count; row++)
        {
            foreach (int position in positions(heads[row])) bits[row * rowBytes + position / 8] |= (byte)(1 << position % 8);
        }

        return bits;
    }
}
