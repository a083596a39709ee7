using KvPolicy.Evaluation.Randomness;
using KvPolicy.Evaluation.Rows;

namespace KvPolicy.Training.Data;

/// <summary>One row length of a stage: how often it is drawn, and the weights of the tasks inside it.</summary>
internal sealed record LengthShare(int Length, double Share, params (string Task, double Weight)[] Tasks);

/// <summary>
/// Which rows each step sees: short ones first, with much copying, then longer ones. A batch depends on the seed and the step alone.
/// </summary>
internal static class Curriculum
{
    private const ulong BatchDomain = 2;

    private static readonly (int FirstStep, LengthShare[] Lengths)[] Stages =
    [
        (0, [new(64, 0.5, All(copy: 6)), new(128, 0.5, All(copy: 6))]),
        (260, [new(128, 1, All(copy: 3))]),
        (420, [new(256, 1, All(copy: 0.5))]),
        (960, [new(256, 0.45, Short(longContext: 1)), new(512, 0.55, Middle(longContext: 2))]),
        (1440,
        [
            new(256, 0.3, Short(longContext: 0.5)), new(512, 0.4, Middle(longContext: 1.5)),
            new(1024, 0.3, ("LC", 3), ("LG", 1), ("AR", 0.5), ("CG", 0.5)),
        ]),
    ];

    /// <summary>Steps at which a stage begins.</summary>
    internal static IEnumerable<int> StageStarts => Stages.Select(stage => stage.FirstStep);

    /// <summary>The rows of a step: all of one length, of as many tokens together as asked for.</summary>
    internal static List<TrainingRow> Rows(ulong seed, int step, int tokens)
    {
        SeededRandom random = new(BatchDomain, seed, (ulong)step);
        LengthShare[] lengths = Stages.Last(stage => stage.FirstStep <= step).Lengths;
        LengthShare length = lengths[random.Weighted([.. lengths.Select(l => l.Share)])];
        double[] weights = [.. length.Tasks.Select(t => t.Weight)];
        int rows = Math.Max(1, tokens / length.Length);
        return [.. Enumerable.Range(0, rows).Select(_ => RowShapes.Write(length.Tasks[random.Weighted(weights)].Task, random, length.Length))];
    }

    private static (string, double)[] All(double copy) =>
        [("WK", 1), ("CSR", 1.5), ("AR", 1.5), ("CG", 1.5), ("SA", 1), ("LC", 1.5), ("LG", 1.5), ("CP", copy)];

    private static (string, double)[] Short(double longContext) => [("WK", 1), ("CSR", 2), ("SA", 1.5), ("LC", longContext), ("CG", 1), ("AR", 1)];

    private static (string, double)[] Middle(double longContext) => [("AR", 1), ("CG", 1), ("LC", longContext), ("LG", 2), ("SA", 0.3)];
}
