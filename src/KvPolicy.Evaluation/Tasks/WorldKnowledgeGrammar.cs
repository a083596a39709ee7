using KvPolicy.Evaluation.Documents;
using KvPolicy.Evaluation.Language;
using KvPolicy.Evaluation.Randomness;

namespace KvPolicy.Evaluation.Tasks;

/// <summary>
/// <c>Q : capital of fimar ? [ tiholm zeford tipolis papolis ] A : fimar papolis .</c> The facts stand in the weights alone; shots show the form.
/// </summary>
internal sealed class WorldKnowledgeGrammar : TaskGrammar
{
    private const int WrongOptions = 3;

    internal override string Name => "WK";

    internal override TaskDocument Open(SeededRandom random, DocumentShape shape)
    {
        int shots = random.Between(shape.Shots);
        return new TaskDocument(Shots(shots, Next), Next);

        Exchange Next() => Question(random);
    }

    private static Exchange Question(SeededRandom random)
    {
        int place = random.Below(Lexicon.Places.Length);
        bool capital = random.Coin();
        string right = capital ? World.CapitalOf(place) : World.FlagOf(place);
        string[] kind = capital ? Lexicon.Capitals : Lexicon.Colours;
        List<string> options = random.Shuffled([right, .. random.Sample(kind.Where(word => word != right), WrongOptions)]);
        string name = Lexicon.Places[place];
        return AskWithOptions([capital ? "capital" : "flag", "of", name], options, [name, right]);
    }
}
