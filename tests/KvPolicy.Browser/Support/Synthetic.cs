using KvPolicy.Inference;

namespace KvPolicy.Browser.Support;

/// <summary>An inspection of any size without a model: skewed scores, a quarter of the tokens kept, some of them evicted while decoding.</summary>
internal static class Synthetic
{
    internal static Inspection Inspection(int prompt, int generated, int layers, int heads)
    {
        var random = new Random(1);
        int cached = prompt + generated - 1;
        int[][] counts = [.. Enumerable.Repeat((int[])[.. Enumerable.Repeat(prompt / 4, heads)], layers)];
        return new Inspection
        {
            Result = new GenerationResult("", [.. Enumerable.Range(0, generated)], prompt, StopReason.Length, new Receipt
            {
                Device = "cpu",
                Policy = new PolicyReceipt("Synthetic", new Dictionary<string, string>()),
                Kernels = [],
                Kept = counts,
                KeptEnd = counts,
                CacheBytes = new CacheBytes(4, 1, 1, 2),
                Seconds = new StageSeconds(0, 0, 0, 0),
                TokensPerSecond = new TokenRates(0, 0),
                Notes = [],
            }),
            Tokens = [.. Enumerable.Range(0, prompt + generated).Select(i => new InspectedToken(i, i % 97 == 96 ? "\n" : $" w{i % 613}", i < prompt - 400 ? i / 300 : -1))],
            CachedTokens = cached,
            Budget = prompt / 4,
            DecodeBudget = prompt / 4,
            Heads = [.. Enumerable.Range(0, layers).Select(_ => Enumerable.Range(0, heads).Select(_ => Head(random, prompt, cached)).ToArray())],
            HasScores = true,
            Notes = [],
        };
    }

    private static InspectedHead Head(Random random, int prompt, int cached)
    {
        float[] scores = [.. Enumerable.Range(0, prompt).Select(_ => MathF.Exp(-12 * random.NextSingle()))];
        scores.AsSpan(prompt - 16).Fill(float.NaN);
        int[] recent = [.. Enumerable.Range(prompt - 16, 16)];
        int[] kept = [.. Enumerable.Range(0, prompt - 16).OrderByDescending(i => scores[i]).Take(prompt / 4 - 16).Concat(recent).Order()];
        return new InspectedHead
        {
            Scores = scores,
            Kept = kept,
            KeptEnd = [.. kept.Skip(cached - prompt), .. Enumerable.Range(prompt, cached - prompt)],
            Protected = recent,
            ProtectedEnd = [.. Enumerable.Range(cached - 16, 16)],
        };
    }
}
