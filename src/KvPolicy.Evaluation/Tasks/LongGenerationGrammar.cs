using KvPolicy.Evaluation.Documents;
using KvPolicy.Evaluation.Language;
using KvPolicy.Evaluation.Randomness;

namespace KvPolicy.Evaluation.Tasks;

/// <summary>
/// Arithmetic with labels: a shot works out one bill, <c>Q : a egg 3 rice 4 rent ? A : a egg 3 rice 4 rent 5 , 3 + 4 = 7 , 7 + 5 = 1 2 .</c>,
/// the question has many and wants all of them in one answer.
/// </summary>
internal sealed class LongGenerationGrammar : TaskGrammar
{
    internal override string Name => "LG";

    internal override TaskDocument Open(SeededRandom random, DocumentShape shape)
    {
        FeeTable fees = new(random, random.Between(shape.Shots));
        List<Piece> shots = [.. fees.ShotFees.Select(fee => Worked([fees.BillWith(fee)], fees.IsFirstUse(fee)).Whole())];
        return new TaskDocument(shots, Next);

        Exchange Next() => Worked([.. Enumerable.Range(0, random.Between(shape.Items)).Select(_ => fees.AnyBill())], isFirstUse: false);
    }

    private static Exchange Worked(IReadOnlyList<Bill> bills, bool isFirstUse)
    {
        IEnumerable<string> asked = bills.SelectMany((bill, i) => Labelled(i, ",", bill.Asked()));
        IEnumerable<string> answer = bills.SelectMany((bill, i) => Labelled(i, ".", bill.Solved()));
        return Ask(asked, answer, isFirstUse ? Bill.FeeValueIndex + 1 : -1);
    }

    /// <summary>The label and the words, behind a sign that parts them from the item before.</summary>
    private static string[] Labelled(int item, string sign, string[] words) =>
        item == 0 ? [Lexicon.Labels[item], .. words] : [sign, Lexicon.Labels[item], .. words];
}
