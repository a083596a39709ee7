using ILGPU;
using ILGPU.Runtime;

namespace KvPolicy.Gpu;

/// <summary>Arguments of <see cref="ScoreKernels.AddScores"/>.</summary>
internal struct AddScoresArguments
{
    /// <summary>[Count]</summary>
    public ArrayView<float> Scores;

    /// <summary>[Count]; added to.</summary>
    public ArrayView<float> Total;

    /// <summary>Scores.</summary>
    public int Count;

    /// <summary>1 where the total begins with these scores; else 0.</summary>
    public int Begins;
}

/// <summary>Scores of several layers as one.</summary>
internal static class ScoreKernels
{
    /// <summary>Adds a layer's scores to the model's.</summary>
    [Kernel(128, "one thread a score; grid (scores / 128, 1)")]
    public static void AddScores(AddScoresArguments a)
    {
        int i = Grid.IdxX * Group.DimX + Group.IdxX;
        if (i < a.Count) a.Total[i] = (a.Begins != 0 ? 0f : a.Total[i]) + a.Scores[i];
    }
}
