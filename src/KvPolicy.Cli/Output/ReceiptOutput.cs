using System.Text.Json;
using KvPolicy.Cli.CommandLine;
using KvPolicy.Inference;
using Spectre.Console;

namespace KvPolicy.Cli.Output;

/// <summary>A run's result: as JSON, or as tables after the text.</summary>
internal static class ReceiptOutput
{
    /// <summary>One JSON object.</summary>
    internal static void Write(Utf8JsonWriter json, GenerationResult result)
    {
        json.WriteStartObject();
        WriteMembers(json, result);
        json.WriteEndObject();
    }

    /// <summary>The members of that object, for a command that adds its own.</summary>
    internal static void WriteMembers(Utf8JsonWriter json, GenerationResult result)
    {
        json.WriteString("text", result.Text);
        json.WriteStartArray("tokenIds");
        foreach (int id in result.TokenIds) json.WriteNumberValue(id);
        json.WriteEndArray();
        json.WriteNumber("promptTokens", result.PromptTokens);
        json.WriteNumber("generatedTokens", result.GeneratedTokens);
        json.WriteString("stop", StopOf(result));
        json.WritePropertyName("receipt");
        Write(json, result.Receipt);
    }

    /// <summary>The receipt alone.</summary>
    internal static void Write(Utf8JsonWriter json, Receipt receipt)
    {
        json.WriteStartObject();
        json.WriteString("device", receipt.Device);
        WritePolicy(json, receipt.Policy);
        JsonParts.WriteKernels(json, receipt.Kernels);
        WriteCounts(json, "kept", receipt.Kept);
        WriteCounts(json, "keptEnd", receipt.KeptEnd);
        WriteCacheBytes(json, receipt.CacheBytes);
        WriteSeconds(json, receipt.Seconds);
        json.WriteStartObject("tokensPerSecond");
        json.WriteNumber("prefill", receipt.TokensPerSecond.Prefill);
        json.WriteNumber("decode", receipt.TokensPerSecond.Decode);
        json.WriteEndObject();
        JsonParts.WriteStrings(json, "notes", receipt.Notes);
        json.WriteEndObject();
    }

    /// <summary><c>cacheBytes</c>.</summary>
    internal static void WriteCacheBytes(Utf8JsonWriter json, CacheBytes bytes)
    {
        json.WriteStartObject("cacheBytes");
        json.WriteNumber("full", bytes.Full);
        json.WriteNumber("afterPrefill", bytes.AfterPrefill);
        json.WriteNumber("end", bytes.End);
        json.WriteNumber("peak", bytes.Peak);
        json.WriteEndObject();
    }

    /// <summary><c>seconds</c>.</summary>
    internal static void WriteSeconds(Utf8JsonWriter json, StageSeconds seconds)
    {
        json.WriteStartObject("seconds");
        json.WriteNumber("load", seconds.Load);
        json.WriteNumber("prefill", seconds.Prefill);
        json.WriteNumber("compress", seconds.Compress);
        json.WriteNumber("decode", seconds.Decode);
        json.WriteEndObject();
    }

    /// <summary>After the streamed text.</summary>
    internal static void Print(Session session, GenerationResult result)
    {
        Receipt receipt = result.Receipt;
        session.Out.WriteLine();
        Table table = Tables.Of("receipt", "");
        void Row(string name, string value) => table.AddRow(Markup.Escape(name), Markup.Escape(value));
        Row("device", receipt.Device);
        Row("policy", receipt.Policy is { } policy ? $"{policy.Name}  {string.Join(' ', policy.Parameters.Select(p => $"{p.Key}={p.Value}"))}" : "none: the full cache");
        Row("tokens", $"{result.PromptTokens} in the prompt, {result.GeneratedTokens} generated, stopped by {StopOf(result)}");
        CacheBytes bytes = receipt.CacheBytes;
        Row("cache", $"{Numbers.Show(bytes.Full)} bytes in full; {Share(bytes.AfterPrefill, bytes.Full)} after the prefill, {Share(bytes.End, bytes.Full)} at the end, {Share(bytes.Peak, bytes.Full)} at the peak");
        StageSeconds seconds = receipt.Seconds;
        Row("seconds", $"load {Numbers.Show(seconds.Load, "0.000")}, prefill {Numbers.Show(seconds.Prefill, "0.000")}, compress {Numbers.Show(seconds.Compress, "0.000")}, decode {Numbers.Show(seconds.Decode, "0.000")}");
        Row("tokens a second", $"prefill {Numbers.Show(receipt.TokensPerSecond.Prefill, "0.0")}, decode {Numbers.Show(receipt.TokensPerSecond.Decode, "0.0")}");
        if (receipt.Kernels.Count > 0) Row("launches", string.Join(", ", receipt.Kernels.Select(k => $"{k.Name} {Numbers.Show(k.Launches)}")));
        foreach (string note in receipt.Notes) Row("note", note);
        session.Console.Write(table);
        PrintCounts(session, receipt);
    }

    private static void PrintCounts(Session session, Receipt receipt)
    {
        Table table = Tables.Of("layer", "kept per KV head after the prefill", "at the end");
        for (int layer = 0; layer < receipt.Kept.Count; layer++) table.AddRow(Numbers.Show(layer), string.Join(' ', receipt.Kept[layer]), string.Join(' ', receipt.KeptEnd[layer]));
        session.Console.Write(table);
    }

    private static string Share(long bytes, long full) => $"{Numbers.Show(bytes)} ({Numbers.Show(100.0 * bytes / Math.Max(full, 1), "0.0")} %)";

    /// <summary>Why it ended: <c>eos, length, context</c>.</summary>
    internal static string StopOf(GenerationResult result) => result.Stop.ToString().ToLowerInvariant();

    private static void WritePolicy(Utf8JsonWriter json, PolicyReceipt? policy)
    {
        if (policy is null)
        {
            json.WriteNull("policy");
            return;
        }

        json.WriteStartObject("policy");
        json.WriteString("name", policy.Name);
        json.WriteStartObject("parameters");
        foreach ((string name, string value) in policy.Parameters) json.WriteString(name, value);
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static void WriteCounts(Utf8JsonWriter json, string name, IReadOnlyList<IReadOnlyList<int>> counts)
    {
        json.WriteStartArray(name);
        foreach (IReadOnlyList<int> layer in counts)
        {
            json.WriteStartArray();
            foreach (int count in layer) json.WriteNumberValue(count);
            json.WriteEndArray();
        }

        json.WriteEndArray();
    }
}
