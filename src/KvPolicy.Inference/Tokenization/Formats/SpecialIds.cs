using System.Globalization;
using KvPolicy.Inference.Loading;

namespace KvPolicy.Inference.Tokenization.Formats;

/// <summary>Checks of ids that files name.</summary>
internal static class SpecialIds
{
    /// <summary>Refuses an id that the vocabulary does not hold.</summary>
    internal static int Check(string file, string field, long id, Vocabulary vocabulary)
        => id is >= 0 and < int.MaxValue && vocabulary.Contains((int)id)
            ? (int)id
            : throw LoadError.Damaged(file, field, string.Create(CultureInfo.InvariantCulture,
                $"token {id} is not in the vocabulary of {vocabulary.Size}"));
}
