using KvPolicy.Evaluation.Documents;
using KvPolicy.Evaluation.Language;
using KvPolicy.Evaluation.Randomness;

namespace KvPolicy.Evaluation.Tasks;

/// <summary>
/// <c>Q : def yan - 4 . yan 8 ? A : yan - 4 , 8 - 4 = 4 .</c> A function is defined in exactly one shot; the question calls one of them
/// (<c>fep 3</c>) or two (<c>g f 3</c> is g(f(3))).
/// </summary>
internal sealed class CodeGrammar : TaskGrammar
{
    internal override string Name => "CG";

    internal override TaskDocument Open(SeededRandom random, DocumentShape shape)
    {
        List<Function> functions =
        [
            .. random.Sample(Lexicon.Functions, random.Between(shape.Shots)).Select(name => new Function(name, random.Coin(), random.Between(1, 5))),
        ];
        List<Piece> shots = [.. functions.Select(f => Definition(random, f).Whole())];
        Function[][] pairs = [.. functions.SelectMany(f => functions.Where(g => g != f && Arguments(f, g).Count > 0), (f, g) => (Function[])[f, g])];
        return new TaskDocument(shots, () => Question(random, pairs.Length > 0 && random.Coin() ? random.Pick(pairs) : [random.Pick(functions)]));
    }

    private static Exchange Definition(SeededRandom random, Function f)
    {
        int x = random.Pick(Arguments(f));
        return Ask(["def", .. f.Body(), ".", f.Name, .. Lexicon.Number(x)], f.Call(x));
    }

    private static Exchange Question(SeededRandom random, Function[] calls)
    {
        int x = random.Pick(Arguments(calls));
        List<string> answer = [];
        int value = x;
        foreach (Function f in calls)
        {
            if (answer.Count > 0) answer.Add(",");
            answer.AddRange(f.Call(value));
            value = f.Of(value);
        }

        return Ask([.. calls.Reverse().Select(f => f.Name), .. Lexicon.Number(x)], answer);
    }

    /// <summary>The digits from which calling the functions in turn never leaves 0..9.</summary>
    private static List<int> Arguments(params Function[] calls) =>
        [.. Enumerable.Range(0, 10).Where(x => StaysADigit(x, calls))];

    private static bool StaysADigit(int x, Function[] calls)
    {
        foreach (Function f in calls)
        {
            x = f.Of(x);
            if (x is < 0 or > 9) return false;
        }

        return true;
    }

    private sealed record Function(string Name, bool Adds, int Operand)
    {
        internal int Of(int x) => Adds ? x + Operand : x - Operand;

        /// <summary><c>yan - 4</c>.</summary>
        internal string[] Body() => [Name, Adds ? "+" : "-", .. Lexicon.Number(Operand)];

        /// <summary><c>yan - 4 , 8 - 4 = 4</c>.</summary>
        internal string[] Call(int x) =>
            [.. Body(), ",", .. Lexicon.Number(x), Adds ? "+" : "-", .. Lexicon.Number(Operand), "=", .. Lexicon.Number(Of(x))];
    }
}
