using KvPolicy.Evaluation.Documents;
using KvPolicy.Evaluation.Randomness;

namespace KvPolicy.Evaluation.Tasks;

/// <summary>
/// <c>Q : corn 1 milk 4 toll ? A : corn 1 milk 4 toll 7 , 1 + 4 = 5 , 5 + 7 = 1 2 .</c> What a fee is worth, only the shots say, two shots each.
/// </summary>
internal sealed class ArithmeticGrammar : TaskGrammar
{
    internal override string Name => "AR";

    internal override TaskDocument Open(SeededRandom random, DocumentShape shape)
    {
        FeeTable fees = new(random, random.Between(shape.Shots));
        List<Piece> shots = [.. fees.ShotFees.Select(fee => Worked(fees.BillWith(fee), fees.IsFirstUse(fee)).Whole())];
        return new TaskDocument(shots, () => Worked(fees.AnyBill(), isFirstUse: false));
    }

    private static Exchange Worked(Bill bill, bool isFirstUse) => Ask(bill.Asked(), bill.Solved(), isFirstUse ? Bill.FeeValueIndex : -1);
}
