namespace KvPolicy.Cli.Verification;

/// <summary>A few-shot prompt of words from a fixed seed: what the words are does not matter, that the heads attend differently does.</summary>
/// <param name="Ids">[n]</param>
/// <param name="Shots">[n] shot of each token, -1 for the beginning and the question.</param>
internal sealed record VerificationPrompt(int[] Ids, int[] Shots)
{
    /// <summary>Makes a prompt.</summary>
    /// <param name="seed">Other seed, other words and lengths.</param>
    /// <param name="bos">First id, or -1 for none.</param>
    /// <param name="vocabulary">Ids to draw from; the lower half, where byte and special tokens lie, is left out.</param>
    /// <param name="shotCount">Shots before the question.</param>
    internal static VerificationPrompt Make(int seed, int bos, int vocabulary, int shotCount)
    {
        var random = new Random(seed);
        var ids = new List<int>();
        var shots = new List<int>();
        void Words(int count, int shot)
        {
            for (int i = 0; i < count; i++)
            {
                ids.Add(random.Next(vocabulary / 2, vocabulary));
                shots.Add(shot);
            }
        }

        if (bos >= 0)
        {
            ids.Add(bos);
            shots.Add(-1);
        }

        for (int shot = 0; shot < shotCount; shot++) Words(random.Next(12, 32), shot);
        Words(15, -1);
        return new([.. ids], [.. shots]);
    }
}
