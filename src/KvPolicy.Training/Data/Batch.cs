using KvPolicy.Evaluation.Language;
using KvPolicy.Evaluation.Rows;
using TorchSharp;
using static TorchSharp.torch;

namespace KvPolicy.Training.Data;

/// <summary>Rows as tensors, with the places whose next word is asked for.</summary>
/// <param name="Ids">Words, [rows, tokens].</param>
/// <param name="Places">Indices into the flattened rows: the word behind each is in the loss.</param>
/// <param name="Wanted">That word, one a place.</param>
internal sealed record Batch(Tensor Ids, Tensor Places, Tensor Wanted)
{
    internal static Batch Of(IReadOnlyList<TrainingRow> rows)
    {
        int length = rows[0].Words.Count;
        long[] ids = [.. rows.SelectMany(row => row.Words).Select(word => (long)Lexicon.IndexOf[word])];
        List<long> places = [];
        for (int i = 0; i < ids.Length; i++)
        {
            if (rows[i / length].Targets[i % length]) places.Add(i - 1);
        }

        return new Batch(tensor(ids, [rows.Count, length]), tensor(places.ToArray()), tensor(places.Select(place => ids[place + 1]).ToArray()));
    }
}
