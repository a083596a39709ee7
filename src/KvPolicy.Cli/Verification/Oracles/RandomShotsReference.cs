namespace KvPolicy.Cli.Verification.Oracles;

/// <summary>Random shots: score(shot) = a number that the shot draws, the same in all layers; packed as ShotKV's shots are.</summary>
internal sealed class RandomShotsReference : DoubleReference
{
    internal override string Policy => "RandomShots";

    internal override OracleChoice[][] Prefill(OracleSettings settings, OracleTensors tensors, int prompt)
    {
        int[] shot = [.. tensors.Shots.Take(prompt)], numbers = [.. shot.Where(s => s >= 0).Distinct().Order()];
        int seed = settings.Number("seed", 0);
        // Where the model chooses, the scores of its layers are added up.
        int times = settings.Word("scope", "layer") == "model" ? tensors.Layers : 1;
        double[] drawn = [.. shot.Select(s => s < 0 ? double.NaN : times * Chance.Number(seed, 0, 0, Array.IndexOf(numbers, s)))];
        OracleChoice choice = Shots.Choose(settings, tensors, prompt, drawn);
        return EachLayer(tensors, _ => choice);
    }
}
