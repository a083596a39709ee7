using KvPolicy.Evaluation.Language;
using KvPolicy.Evaluation.Randomness;

namespace KvPolicy.Evaluation.Tasks;

/// <summary>Two items with their prices, and a fee whose value this prompt alone knows. Arithmetic and long generation are made of them.</summary>
internal sealed record Bill(string FirstItem, int FirstPrice, string SecondItem, int SecondPrice, string Fee, int FeeValue)
{
    /// <summary>Where the fee's value stands in <see cref="Solved"/>.</summary>
    internal const int FeeValueIndex = 5;

    internal static Bill Draw(SeededRandom random, string fee, int feeValue)
    {
        List<string> items = random.Sample(Lexicon.Items, 2);
        return new Bill(items[0], random.Between(1, 9), items[1], random.Between(1, 9), fee, feeValue);
    }

    /// <summary><c>corn 1 milk 4 toll</c>.</summary>
    internal string[] Asked() =>
        [FirstItem, .. Lexicon.Number(FirstPrice), SecondItem, .. Lexicon.Number(SecondPrice), Fee];

    /// <summary><c>corn 1 milk 4 toll 7 , 1 + 4 = 5 , 5 + 7 = 1 2</c>.</summary>
    internal string[] Solved()
    {
        int sum = FirstPrice + SecondPrice;
        return
        [
            .. Asked(), .. Lexicon.Number(FeeValue), ",", .. Sum(FirstPrice, SecondPrice), ",", .. Sum(sum, FeeValue),
        ];
    }

    private static string[] Sum(int a, int b) => [.. Lexicon.Number(a), "+", .. Lexicon.Number(b), "=", .. Lexicon.Number(a + b)];
}

/// <summary>The fees of one document: each word is used in two shots (an odd number leaves one with a single use).</summary>
internal sealed class FeeTable
{
    private readonly SeededRandom _random;
    private readonly List<string> _words;
    private readonly Dictionary<string, int> _values;
    private readonly HashSet<string> _seen = [];

    internal FeeTable(SeededRandom random, int shots)
    {
        _random = random;
        _words = random.Sample(Lexicon.Fees, Math.Max(1, (shots + 1) / 2));
        _values = _words.ToDictionary(word => word, _ => random.Between(1, 9));
        ShotFees = random.Shuffled([.. Enumerable.Range(0, shots).Select(i => _words[i % _words.Count])]);
    }

    /// <summary>The fee word of each shot.</summary>
    internal IReadOnlyList<string> ShotFees { get; }

    /// <summary>A bill with a given fee.</summary>
    internal Bill BillWith(string fee) => Bill.Draw(_random, fee, _values[fee]);

    /// <summary>A bill with any fee of the document.</summary>
    internal Bill AnyBill() => BillWith(_random.Pick(_words));

    /// <summary>True the first time that a fee is met: its value is a guess then.</summary>
    internal bool IsFirstUse(string fee) => _seen.Add(fee);
}
