using System.Diagnostics;
using System.Text;
using System.Text.Json;

namespace KvPolicy.Browser.Support;

/// <summary>One run of <c>kvpolicy inspect</c>: the page that it wrote and the JSON that it printed.</summary>
internal sealed record InspectedRun(string Page, JsonElement Json)
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    /// <summary>Runs the real program on the embedded model.</summary>
    /// <param name="page">Where the page goes.</param>
    /// <param name="words">More options.</param>
    internal static InspectedRun Make(string page, params ReadOnlySpan<string> words)
    {
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true, RedirectStandardError = true, StandardOutputEncoding = Encoding.UTF8 };
        string[] all = [Path.Combine(AppContext.BaseDirectory, "KvPolicy.Cli.dll"), "inspect", "--model", "embedded", "--device", "cpu", "--html", page, "--json", .. words];
        foreach (string word in all) start.ArgumentList.Add(word);
        using Process process = Process.Start(start)!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        if (!process.WaitForExit(Patience)) process.Kill();
        Assert.True(process.ExitCode == 0, errors.Result);
        return new InspectedRun(page, JsonDocument.Parse(output).RootElement);
    }

    internal int Layers => Json.GetProperty("heads").GetArrayLength();

    internal int KvHeads => Json.GetProperty("heads")[0].GetArrayLength();

    internal int PromptTokens => Json.GetProperty("promptTokens").GetInt32();

    internal int CachedTokens => Json.GetProperty("cachedTokens").GetInt32();

    internal string[] Texts => [.. Json.GetProperty("tokens").EnumerateArray().Select(token => token.GetProperty("text").GetString()!)];

    internal int[] Shots => [.. Json.GetProperty("tokens").EnumerateArray().Select(token => token.GetProperty("shot").GetInt32())];

    /// <summary>Positions of a head: <c>kept, keptEnd, protected, protectedEnd</c>.</summary>
    internal int[] Positions(int layer, int head, string name) => [.. Head(layer, head).GetProperty(name).EnumerateArray().Select(position => position.GetInt32())];

    /// <summary>Scores of a head, null where there is none.</summary>
    internal double?[] Scores(int layer, int head)
        => [.. Head(layer, head).GetProperty("scores").EnumerateArray().Select(score => score.ValueKind == JsonValueKind.Null ? (double?)null : score.GetDouble())];

    private JsonElement Head(int layer, int head) => Json.GetProperty("heads")[layer][head];
}
