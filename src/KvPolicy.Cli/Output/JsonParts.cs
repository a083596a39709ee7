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

    /// <summary>A number, or null where it is beyond what a double holds: JSON has no infinity.</summary>
    internal static void WriteFinite(Utf8JsonWriter json, string name, double value)
    {
        if (double.IsFinite(value)) json.WriteNumber(name, value);
        else json.WriteNull(name);
    }

    /// <summary>Passes and how often each ran.</summary>
    internal static void WriteKernels(Utf8JsonWriter json, IReadOnlyList<KernelCount> kernels)
    {
        json.WriteStartArray("kernels");
        foreach (KernelCount kernel in kernels)
        {
            json.WriteStartObject();
            json.WriteString("name", kernel.Name);
            json.WriteNumber("launches", kernel.Launches);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    /// <summary>An array of strings.</summary>
    internal static void WriteStrings(Utf8JsonWriter json, string name, IReadOnlyList<string> values)
    {
        json.WriteStartArray(name);
        foreach (string value in values) json.WriteStringValue(value);
        json.WriteEndArray();
    }
}
