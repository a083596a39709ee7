using KvPolicy.Cli.CommandLine;
using KvPolicy.Cli.Inputs;
using KvPolicy.Cli.Output;
using KvPolicy.Inference;
using KvPolicy.Inference.Tokenization;

namespace KvPolicy.Cli.Commands;

/// <summary>Perplexity of a text, and how far a compressed cache moves the predictions.</summary>
internal static class PerplexityCommand
{
    private const int DefaultWindow = 512;

    internal static Command Command { get; } = new()
    {
        Name = "perplexity",
        Summary = "perplexity of a text, and the KL divergence from the full cache",
        Options =
        [
            .. ModelOptions.All,
            .. PolicyOptions.All,
            new("--file", "F", "the text, as UTF-8"),
            new("--window", "N", $"tokens of a window; with a policy its first half is prefilled and compressed, its second half scored; {DefaultWindow} or the context if left out"),
            new("--windows", "N", "only the first N windows; all if left out"),
            .. EngineOptionSet.All,
        ],
        Examples = ["kvpolicy perplexity --model smollm2.gguf --file wiki.txt --policy SnapKv --keep 0.25"],
        Run = Run,
    };

    private static int Run(Arguments arguments, Session session)
    {
        IKvPolicy? policy = PolicyOptions.CreateOrNone(arguments);
        string text = TextFile.Read("--file", arguments.Required("--file"));
        int? asked = arguments.Whole("--window", 4);
        int most = arguments.Whole("--windows", 1) ?? int.MaxValue;
        using InferenceEngine engine = EngineOptionSet.Load(arguments, session);
        int context = engine.Model.Config.ContextLength, window = asked ?? Math.Min(DefaultWindow, context);
        if (window > context) throw new UsageException($"--window {window}: the model's context holds {context}; give at most that");
        int[] ids = [.. engine.Tokenizer.Encode(text, new EncodeOptions(ParseSpecial: false, AddSpecial: true)).Select(t => t.Id)];
        List<int[]> windows = [.. Windows(ids, window, engine.Tokenizer.BosId).Take(most)];
        if (windows.Count == 0) throw new UsageException($"--file {arguments.Text("--file")}: has {ids.Length} tokens, too few to score any; give a longer text");
        var score = new PerplexityScore();
        using (ProgressBar bar = session.StartBar("windows", arguments))
        {
            for (int i = 0; i < windows.Count; i++)
            {
                if (policy is null) ScoreFull(engine, windows[i], score);
                else ScoreCompressed(engine, arguments, policy, windows[i], score);
                bar.Report((i + 1.0) / windows.Count);
            }
        }

        Report(arguments, session, policy, windows.Count, window, score);
        return 0;
    }

    /// <summary>Pieces of the text, each behind the beginning-of-sequence token where the model's text has one; the last may be short, but has enough to score.</summary>
    private static IEnumerable<int[]> Windows(int[] ids, int window, int bos)
    {
        int[] head = ids.Length > 0 && ids[0] == bos ? [bos] : [];
        for (int at = head.Length; at < ids.Length; at += window - head.Length)
        {
            int[] piece = [.. head, .. ids.AsSpan(at, Math.Min(window - head.Length, ids.Length - at))];
            if (piece.Length >= 4) yield return piece;
        }
    }

    private static void ScoreFull(InferenceEngine engine, int[] ids, PerplexityScore score)
        => engine.AllLogits(new PromptRequest { Prompt = ids }, (position, logits) =>
        {
            if (position + 1 < ids.Length) score.Add(logits, ids[position + 1]);
        });

    private static void ScoreCompressed(InferenceEngine engine, Arguments arguments, IKvPolicy policy, int[] ids, PerplexityScore score)
    {
        int half = ids.Length / 2;
        var request = new PromptRequest { Prompt = ids[..half], Policy = policy, Schedule = EngineOptionSet.Schedule(arguments) };
        var full = new List<float[]>();
        engine.Feed(new PromptRequest { Prompt = ids[..half] }, ids[half..^1], (_, logits) => full.Add(logits.ToArray()));
        int row = 0;
        engine.Feed(request, ids[half..^1], (position, logits) => score.Add(logits, ids[position + 1], full[row++]));
    }

    private static void Report(Arguments arguments, Session session, IKvPolicy? policy, int windows, int window, PerplexityScore score)
    {
        if (!arguments.Json)
        {
            session.Out.WriteLine($"perplexity {Numbers.Show(score.Perplexity, "0.0000")} over {Numbers.Show(score.Tokens)} tokens in {windows} windows of {window}");
            if (policy is not null) session.Out.WriteLine($"full cache {Numbers.Show(score.FullPerplexity, "0.0000")}, KL to it {Numbers.Show(score.Divergence, "0.000000")} nats a token ({policy.Info.Name})");
            return;
        }

        session.WriteJson(json =>
        {
            json.WriteStartObject();
            JsonParts.WriteFinite(json, "perplexity", score.Perplexity);
            json.WriteNumber("nll", score.MeanNll);
            json.WriteNumber("tokens", score.Tokens);
            json.WriteNumber("windows", windows);
            json.WriteNumber("window", window);
            if (policy is not null)
            {
                json.WriteString("policy", policy.Info.Name);
                JsonParts.WriteFinite(json, "fullPerplexity", score.FullPerplexity);
                json.WriteNumber("kl", score.Divergence);
            }

            json.WriteEndObject();
        });
    }
}
