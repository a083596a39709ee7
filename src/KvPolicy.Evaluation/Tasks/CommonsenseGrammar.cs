using KvPolicy.Evaluation.Documents;
using KvPolicy.Evaluation.Language;
using KvPolicy.Evaluation.Randomness;

namespace KvPolicy.Evaluation.Tasks;

/// <summary>
/// <c>Q : what is tin ? [ plant vehicle cloth metal ] A : tin metal .</c> or <c>Q : which is body ? [ fog foot pig moss ] A : body foot .</c>
/// Classes and members are in the weights.
/// </summary>
internal sealed class CommonsenseGrammar : TaskGrammar
{
    private const int WrongOptions = 3;

    internal override string Name => "CSR";

    internal override TaskDocument Open(SeededRandom random, DocumentShape shape)
    {
        int shots = random.Between(shape.Shots);
        return new TaskDocument(Shots(shots, Next), Next);

        Exchange Next() => random.Coin() ? WhatIs(random) : WhichIs(random);
    }

    private static Exchange WhatIs(SeededRandom random)
    {
        int member = random.Below(Lexicon.Members.Length);
        string right = Lexicon.Classes[World.ClassOf(member)];
        List<string> options = random.Shuffled([right, .. random.Sample(Lexicon.Classes.Where(c => c != right), WrongOptions)]);
        string asked = Lexicon.Members[member];
        return AskWithOptions(["what", "is", asked], options, [asked, right]);
    }

    private static Exchange WhichIs(SeededRandom random)
    {
        List<int> classes = random.Sample(Enumerable.Range(0, Lexicon.Classes.Length), WrongOptions + 1);
        List<string> members = [.. classes.Select(c => Lexicon.Members[(c * World.PerClass) + random.Below(World.PerClass)])];
        string asked = Lexicon.Classes[classes[0]];
        return AskWithOptions(["which", "is", asked], random.Shuffled(members), [asked, members[0]]);
    }
}
