namespace KvPolicy.Training.Optimisation;

/// <summary>The learning rate's course, the same for both optimisers: up, level, and down to nothing at the end, where accuracies settle.</summary>
internal static class Schedule
{
    internal const int Steps = 2_910;
    private const int WarmUp = 50;
    private const int Decay = 860;

    /// <summary>Share of the full rate at a step (0-based).</summary>
    internal static double Rate(int step) => Math.Min(1, Math.Min((step + 1.0) / WarmUp, (Steps - step) / (double)Decay));
}
