using KvPolicy.Evaluation.Randomness;

namespace KvPolicy.Training.Model;

/// <summary>
/// First weights, from the project's own generator. Layer 0 starts as "offset heads": head h looks back h + 1 tokens, so that every token begins
/// with the content of its four predecessors and copying is found in a few hundred steps. Everything stays trainable.
/// </summary>
internal static class Initialisation
{
    /// <summary>Columns that are 1 in every embedding: a constant direction, in place of a bias.</summary>
    internal const int ConstantColumns = 4;

    private const ulong WeightsDomain = 3;
    private const int WiredFrequencies = 6;
    private const double EmbeddingScale = 0.7;
    private const double HeadScale = 0.02;
    private const double WriterScale = 0.3;

    /// <summary>Values by name, row-major.</summary>
    internal static Dictionary<string, float[]> Draw(ulong seed)
    {
        SeededRandom random = new(WeightsDomain, seed);
        Dictionary<string, float[]> values = ParameterSpec.All(TinyModel.Words).ToDictionary(spec => spec.Name, spec => Draw(spec, random));
        float[] embedding = values[ParameterSpec.EmbeddingName];
        for (int row = 0; row < TinyModel.Words; row++) Constant(embedding, row, 1);
        Wire(values[ParameterSpec.InLayer(0, "self_attn.q_proj")], values[ParameterSpec.InLayer(0, "self_attn.k_proj")]);
        return values;
    }

    private static float[] Draw(ParameterSpec spec, SeededRandom random)
    {
        double scale = spec.Kind switch
        {
            ParameterKind.Norm => 0,
            ParameterKind.Embedding => EmbeddingScale,
            ParameterKind.Head => HeadScale,
            ParameterKind.Reader => 1 / Math.Sqrt(spec.Shape[1]),
            ParameterKind.Writer => WriterScale / Math.Sqrt(2.0 * TinyModel.Layers * spec.Shape[1]),
            _ => throw new ArgumentOutOfRangeException(nameof(spec), spec.Kind, "No such kind of parameter."),
        };
        float[] values = new float[spec.Count];
        for (int i = 0; i < values.Length; i++) values[i] = spec.Kind == ParameterKind.Norm ? 1 : (float)(scale * random.Normal());
        return values;
    }

    /// <summary>
    /// After the rotary positions the score of key j for query i is then the sum over the fast frequencies w of cos((i - j - o) w): largest at
    /// j = i - o.
    /// </summary>
    private static void Wire(float[] query, float[] key)
    {
        const int Half = TinyModel.HeadSize / 2;
        for (int f = 0; f < WiredFrequencies; f++)
        {
            for (int head = 0; head < TinyModel.KvHeads; head++)
            {
                Constant(key, (head * TinyModel.HeadSize) + f, 1);
                Constant(key, (head * TinyModel.HeadSize) + Half + f, 0);
            }

            for (int head = 0; head < TinyModel.QueryHeads; head++)
            {
                double angle = (head + 1) * TinyModel.Frequency(f);
                Constant(query, (head * TinyModel.HeadSize) + f, (float)Math.Cos(angle));
                Constant(query, (head * TinyModel.HeadSize) + Half + f, (float)-Math.Sin(angle));
            }
        }
    }

    private static void Constant(float[] matrix, int row, float value) => matrix.AsSpan(row * TinyModel.Hidden, ConstantColumns).Fill(value);
}
