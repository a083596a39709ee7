using System.Text.Json;

namespace KvPolicy.Cli.Output;

/// <summary>Pieces of JSON that several commands write.</summary>
internal static class JsonParts
{
    /// <summary>A budget: <c>{"ratio": 0.25}</c>, <c>{"tokens": 64}</c> or null.</summary>
    internal static void WriteBudget(Utf8JsonWriter json, string name, Budget? budget)
    {
        if (budget is not { } b)
        {
            json.WriteNull(name);
            return;
        }

        json.WriteStartObject(name);
        if (b.IsTokens) json.WriteNumber("tokens", b.Tokens);
        else json.WriteNumber("ratio", b.Ratio);
        json.WriteEndObject();
    }
}
