using System.Text.Json;
using KvPolicy.Inference;

namespace KvPolicy.Cli.Output.Inspections;

/// <summary>An inspection as JSON: what <c>run --json</c> gives, then the tokens and what each head kept.</summary>
internal static class InspectionJson
{
    /// <summary>One JSON object.</summary>
    internal static void Write(Utf8JsonWriter json, Inspection seen)
    {
        json.WriteStartObject();
        ReceiptOutput.WriteMembers(json, seen.Result);
        json.WriteNumber("cachedTokens", seen.CachedTokens);
        WriteNumber(json, "budget", seen.Budget);
        WriteNumber(json, "decodeBudget", seen.DecodeBudget);
        json.WriteBoolean("hasScores", seen.HasScores);
        WriteTokens(json, seen.Tokens);
        json.WriteStartArray("heads");
        foreach (IReadOnlyList<InspectedHead> layer in seen.Heads)
        {
            json.WriteStartArray();
            foreach (InspectedHead head in layer) WriteHead(json, head);
            json.WriteEndArray();
        }

        json.WriteEndArray();
        JsonParts.WriteStrings(json, "notes", seen.Notes);
        json.WriteEndObject();
    }

    private static void WriteTokens(Utf8JsonWriter json, IReadOnlyList<InspectedToken> tokens)
    {
        json.WriteStartArray("tokens");
        foreach (InspectedToken token in tokens)
        {
            json.WriteStartObject();
            json.WriteNumber("id", token.Id);
            json.WriteString("text", token.Text);
            json.WriteNumber("shot", token.Shot);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void WriteHead(Utf8JsonWriter json, InspectedHead head)
    {
        json.WriteStartObject();
        WritePositions(json, "kept", head.Kept);
        WritePositions(json, "keptEnd", head.KeptEnd);
        WritePositions(json, "protected", head.Protected);
        WritePositions(json, "protectedEnd", head.ProtectedEnd);
        json.WriteStartArray("scores");
        foreach (float score in head.Scores)
        {
            // JSON has neither NaN nor infinities.
            if (float.IsFinite(score)) json.WriteNumberValue(score);
            else json.WriteNullValue();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void WritePositions(Utf8JsonWriter json, string name, IReadOnlyList<int> positions)
    {
        json.WriteStartArray(name);
        foreach (int position in positions) json.WriteNumberValue(position);
        json.WriteEndArray();
    }

    private static void WriteNumber(Utf8JsonWriter json, string name, int? value)
    {
        if (value is { } number) json.WriteNumber(name, number);
        else json.WriteNull(name);
    }
}
