namespace KvPolicy.Training.Runs;

/// <summary>What a run is asked to do.</summary>
/// <param name="Folder">Where checkpoint, curve and model go.</param>
/// <param name="Threads">Threads of libtorch: other numbers give other last bits.</param>
/// <param name="StopAfter">Stops when so many steps are done; the schedule stays the whole one.</param>
/// <param name="Seed">Of weights and batches.</param>
/// <param name="CheckpointEvery">Steps between checkpoints.</param>
/// <param name="BatchTokens">Tokens of a step.</param>
internal sealed record TrainingOptions(string Folder, int Threads, int StopAfter, ulong Seed, int CheckpointEvery, int BatchTokens)
{
    internal string CheckpointFile => Path.Combine(Folder, "checkpoint.safetensors");

    internal string CurveFile => Path.Combine(Folder, "curve.csv");

    internal string ModelFolder => Path.Combine(Folder, "model");
}
