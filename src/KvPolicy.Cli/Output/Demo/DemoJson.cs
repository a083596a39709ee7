using System.Text.Json;
using KvPolicy.Evaluation.Runs;
using KvPolicy.Inference;

namespace KvPolicy.Cli.Output.Demo;

/// <summary>The demo as JSON: shares from 0 to 1, never percent.</summary>
internal static class DemoJson
{
    /// <summary>Writes the object.</summary>
    internal static void Write(Utf8JsonWriter json, DemoResult result)
    {
        json.WriteStartObject();
        WriteSettings(json, result);
        WriteFigures(json, "full", result.Report.Full, result.Speed.Full);
        WriteFigures(json, "withoutShots", result.Report.WithoutShots, speed: null);
        json.WriteStartArray("rows");
        foreach ((PolicyRow row, TokenRates speed) in result.Rows)
        {
            json.WriteStartObject();
            json.WriteString("policy", row.Cell.Policy.Name);
            json.WriteNumber("keep", row.Cell.Keep.Ratio);
            json.WriteString("mode", DemoText.NameOf(row.Cell.Mode));
            WriteFields(json, row.Figures, speed);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteString("sentence", result.Report.Rows.Count > 0 && result.Fragile.Count > 0 ? DemoSentence.Of(result) : "");
        JsonParts.WriteStrings(json, "notes", [.. DemoNotes.Of(result)]);
        json.WriteNumber("seconds", result.Took.TotalSeconds);
        json.WriteEndObject();
    }

    private static void WriteSettings(Utf8JsonWriter json, DemoResult result)
    {
        json.WriteNumber("seed", result.Settings.Seed);
        json.WriteStartObject("prompts");
        foreach ((string task, TaskFigures figures) in result.Report.Full.ByTask) json.WriteNumber(task, figures.Prompts);
        json.WriteEndObject();
        json.WriteStartObject("promptTokens");
        foreach ((string task, TaskFigures figures) in result.Report.Full.ByTask)
        {
            json.WriteStartObject(task);
            json.WriteNumber("least", figures.PromptTokens.Least);
            json.WriteNumber("mean", figures.PromptTokens.Mean);
            json.WriteNumber("most", figures.PromptTokens.Most);
            json.WriteEndObject();
        }

        json.WriteEndObject();
        json.WriteStartObject("settings");
        json.WriteNumber("window", PolicyCell.Window);
        json.WriteNumber("rows", PolicyCell.Rows);
        json.WriteNumber("decodeKeep", 1);
        json.WriteNumber("speedPromptTokens", result.Speed.PromptTokens);
        json.WriteNumber("speedDecodedTokens", result.Speed.DecodedTokens);
        json.WriteNumber("speedThreads", result.Speed.Threads);
        json.WriteEndObject();
    }

    private static void WriteFigures(Utf8JsonWriter json, string name, RowFigures figures, TokenRates? speed)
    {
        json.WriteStartObject(name);
        WriteFields(json, figures, speed);
        json.WriteEndObject();
    }

    private static void WriteFields(Utf8JsonWriter json, RowFigures figures, TokenRates? speed)
    {
        WriteByTask(json, "accuracy", figures, task => json.WriteNumberValue(task.Accuracy));
        WriteByTask(json, "interval", figures, task =>
        {
            json.WriteStartArray();
            json.WriteNumberValue(task.Interval.Low);
            json.WriteNumberValue(task.Interval.High);
            json.WriteEndArray();
        });
        json.WriteNumber("meanAccuracy", figures.Accuracy);
        json.WriteNumber("agreement", figures.Agreement);
        json.WriteNumber("kept", figures.Kept);
        json.WriteNumber("bytes", figures.CacheBytes);
        WriteByTask(json, "agreementByTask", figures, task => json.WriteNumberValue(task.Agreement));
        WriteByTask(json, "keptByTask", figures, task => json.WriteNumberValue(task.Kept));
        WriteByTask(json, "bytesByTask", figures, task => json.WriteNumberValue(task.CacheBytes));
        if (speed is null) return;
        json.WriteStartObject("tokensPerSecond");
        json.WriteNumber("prefill", speed.Prefill);
        json.WriteNumber("decode", speed.Decode);
        json.WriteEndObject();
    }

    private static void WriteByTask(Utf8JsonWriter json, string name, RowFigures figures, Action<TaskFigures> write)
    {
        json.WriteStartObject(name);
        foreach ((string task, TaskFigures of) in figures.ByTask)
        {
            json.WritePropertyName(task);
            write(of);
        }

        json.WriteEndObject();
    }
}
