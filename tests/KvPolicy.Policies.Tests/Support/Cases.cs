using System.Globalization;

namespace KvPolicy.Policies.Tests;

/// <summary>A random case: tensors, the policy's settings, how many rows are decoded.</summary>
internal sealed record Case(int Seed, TensorInput Input, PolicySettings Settings, int DecodeSteps)
{
    public override string ToString()
    {
        string values = string.Join(" ", Settings.Values.Select(pair => $"{pair.Key}={pair.Value}"));
        return string.Create(CultureInfo.InvariantCulture,
            $"seed {Seed}: {Input.Layers} layers, heads {Input.QueryHeads}/{Input.KvHeads}, {Input.Length} tokens of {Input.HeadDim}, keep {Settings.Keep}, decode keep {Settings.DecodeKeep} x {DecodeSteps}, {values}");
    }
}

/// <summary>Random shapes, each from its own seed: query groups of 1, 3 and 4, lengths 1 to 700, ties, budgets of one and of everything, prompts shorter than windows and sinks.</summary>
internal static class Cases
{
    private static readonly int[] Groups = [1, 3, 4];
    private static readonly int[] HeadDims = [4, 8, 16, 33];

    public static Case Of(string policy, int seed)
    {
        var random = new Random(seed * 7919 + policy.Length);
        // Short ones are where rules meet their edges; every tenth is long.
        int length = random.Next(10) == 0 ? random.Next(100, 701) : random.Next(1, random.Next(2) == 0 ? 30 : 110);
        if (seed == 0) length = 700;
        if (seed == 1) length = 1;
        int kvHeads = random.Next(1, 4), headDim = HeadDims[random.Next(HeadDims.Length)], layers = random.Next(1, 3);
        if (length > 300) (kvHeads, headDim, layers) = (Math.Min(kvHeads, 2), 8, 1);
        int queryHeads = kvHeads * Groups[random.Next(3)];
        // Coarse numbers make ties, of scores and of whole keys.
        float? grid = random.Next(4) switch { 0 => 1f, 1 => 0.5f, _ => null };
        var input = new TensorInput
        {
            Layers = layers,
            QueryHeads = queryHeads,
            KvHeads = kvHeads,
            Length = length,
            HeadDim = headDim,
            Queries = Numbers(random, layers * queryHeads * length * headDim, grid),
            Keys = Numbers(random, layers * kvHeads * length * headDim, grid),
            Values = Numbers(random, layers * kvHeads * length * headDim, grid),
            Shots = random.Next(8) == 0 ? null : Shots(random, length),
        };
        int steps = random.Next(3) == 0 ? 0 : random.Next(0, Math.Min(length, 25));
        var settings = new PolicySettings { Keep = Budget(random, length - steps), DecodeKeep = random.Next(2) == 0 ? null : Budget(random, length - steps), Values = Values(random, policy) };
        return new(seed, input, settings, steps);
    }

    private static Budget Budget(Random random, int n) => random.Next(6) switch
    {
        0 => KvPolicy.Budget.OfTokens(1),
        1 => KvPolicy.Budget.OfTokens(random.Next(1, n + 2)),
        2 => 1.0,
        _ => KvPolicy.Budget.OfRatio(random.Next(1, 100) / 100m),
    };

    private static Dictionary<string, string> Values(Random random, string policy)
    {
        var values = new Dictionary<string, string>();
        void Maybe(string name, params string[] choices)
        {
            if (random.Next(2) == 0) values[name] = choices[random.Next(choices.Length)];
        }

        if (policy == "KeepAll") return values;
        Maybe("sinks", "0", "1", "4", "9", "200");
        Maybe("recent", "0", "1", "5", "16", "70");
        if (policy is "SnapKv" or "ChunkKv") Maybe("window", "1", "3", "16", "64", "300");
        if (policy is "SnapKv")
        {
            Maybe("pool", "1", "3", "5", "7", "31");
            Maybe("pooling", "average", "max");
        }

        if (policy is "ChunkKv") Maybe("chunk", "1", "3", "10", "33", "800");
        if (policy is "ShotKv") Maybe("rows", "all", "1", "7", "64");
        if (policy is "ShotKv" or "RandomShots")
        {
            Maybe("packing", "stop", "skip");
            Maybe("outside", "count", "free");
            Maybe("scope", "layer", "model");
        }

        if (policy is "RandomTokens" or "RandomShots") Maybe("seed", "1", "7", "2147483647");
        if (policy is "ShotKv" or "H2O" or "StreamingLlm") Maybe("newest", "0", "1");
        return values;
    }

    private static float[] Numbers(Random random, int count, float? grid)
    {
        var numbers = new float[count];
        for (int i = 0; i < count; i++)
        {
            // About normal, which is what heads after RoPE look like.
            float x = (random.NextSingle() + random.NextSingle() + random.NextSingle() - 1.5f) * 2;
            numbers[i] = grid is { } step ? MathF.Round(x / step) * step : x;
        }

        return numbers;
    }

    /// <summary>Runs of tokens in shots with gaps between them; at times a number comes back later, since a shot may lie in two places.</summary>
    private static int[] Shots(Random random, int length)
    {
        var shots = new int[length];
        int longest = random.Next(2, 40);
        for (int at = 0, shot = 0; at < length; shot++)
        {
            int run = Math.Min(random.Next(1, longest), length - at);
            int number = random.Next(4) == 0 ? -1 : random.Next(12) == 0 ? Math.Max(0, shot - 2) : shot;
            shots.AsSpan(at, run).Fill(number);
            at += run;
        }

        return shots;
    }
}
