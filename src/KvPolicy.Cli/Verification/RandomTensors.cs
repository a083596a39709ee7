namespace KvPolicy.Cli.Verification;

/// <summary>Tensors of two layers from a seed, with shots.</summary>
internal static class RandomTensors
{
    private const int Layers = 2;
    private const int HeadDim = 16;

    /// <summary>Makes tensors.</summary>
    /// <param name="seed">Other seed, other numbers.</param>
    /// <param name="kvHeads">KV heads.</param>
    /// <param name="queryHeads">Query heads.</param>
    /// <param name="length">Tokens.</param>
    /// <param name="coarse">Whole numbers, so that scores tie.</param>
    internal static TensorInput Make(int seed, int kvHeads, int queryHeads, int length, bool coarse)
    {
        var random = new Random(seed);
        float[] Numbers(int heads)
        {
            var numbers = new float[Layers * heads * length * HeadDim];
            for (int i = 0; i < numbers.Length; i++)
            {
                float x = 2 * (random.NextSingle() + random.NextSingle() + random.NextSingle() - 1.5f);
                numbers[i] = coarse ? MathF.Round(x) : x;
            }

            return numbers;
        }

        return new TensorInput
        {
            Layers = Layers,
            QueryHeads = queryHeads,
            KvHeads = kvHeads,
            Length = length,
            HeadDim = HeadDim,
            Queries = Numbers(queryHeads),
            Keys = Numbers(kvHeads),
            Values = Numbers(kvHeads),
            Shots = Shots(random, length),
        };
    }

    private static int[] Shots(Random random, int length)
    {
        var shots = new int[length];
        for (int at = 0, shot = 0; at < length; shot++)
        {
            int run = Math.Min(random.Next(2, 16), length - at);
            shots.AsSpan(at, run).Fill(random.Next(5) == 0 ? -1 : shot);
            at += run;
        }

        return shots;
    }
}
