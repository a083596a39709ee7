using System.Globalization;
using System.Text.RegularExpressions;

namespace KvPolicy.Evaluation.Tests.Support;

/// <summary>
/// Reads a prompt as a stranger would and works the answer out from its text and from the world's rules, which stand here a second time. It
/// shares nothing with the code that writes prompts.
/// </summary>
internal static partial class Witness
{
    internal static readonly Dictionary<string, string> ClassOf = Classes(
        "animal: dog cat cow fox pig bear wolf goat; plant: oak rose fern moss pine palm reed lily; "
        + "tool: hammer saw drill axe file rake spade knife; metal: iron zinc lead tin steel brass copper nickel; "
        + "body: arm leg eye ear nose hand foot knee; cloth: hat coat shoe sock shirt scarf glove belt; "
        + "vehicle: car bus train ship boat truck bike plane; weather: rain snow wind fog hail storm frost cloud");

    private static readonly string[] Colours = "red blue green black white gold pink grey brown teal".Split(' ');

    internal static string Solve(string task, string prompt)
    {
        (string before, string question) = SplitOffQuestion(prompt);
        return task switch
        {
            "WK" => Knowledge(question),
            "CSR" => Commonsense(question),
            "AR" => " " + Bill(Words(question), Fees(before)) + " .",
            "LG" => " " + string.Join(" . ", question.Split(" , ").Select(Words).Select(w => w[0] + " " + Bill(w[1..], Fees(before)))) + " .",
            "CG" => Code(before, question),
            "SA" => Safety(before, question),
            "LC" => LongContext(before, question),
            _ => throw new ArgumentException(task),
        };
    }

    /// <summary>The shots and frame, and what stands between the last <c>Q :</c> and its question mark.</summary>
    internal static (string Before, string Question) SplitOffQuestion(string prompt)
    {
        int start = prompt.LastIndexOf(" Q : ", StringComparison.Ordinal);
        Match match = QuestionForm().Match(prompt[start..]);
        Assert.True(match.Success, "A question has the form Q : ... ? [options] A :, not " + prompt[start..]);
        return (prompt[..start], match.Groups["asked"].Value + match.Groups["options"].Value);
    }

    internal static string[] Words(string text) => text.Replace("<sep>", " <sep> ").Split(' ', StringSplitOptions.RemoveEmptyEntries);

    private static string Knowledge(string question)
    {
        string[] words = Words(question);
        int place = IndexOfPair(words[2], "ba de fi go ku", "land mar ria ton via dor nes sia");
        string right = words[0] == "capital"
            ? Pair(((7 * place) + 3) % 40, "pa ro ti lu ze", "burg ville polis stad mouth ford holm grad")
            : Colours[((3 * place) + (int)Math.Floor(place / 10.0)) % 10];
        Assert.Single(words[4..^1], option => option == right);
        Assert.Equal(4, words[4..^1].Distinct().Count());
        return $" {words[2]} {right} .";
    }

    private static string Commonsense(string question)
    {
        string[] words = Words(question);
        string[] options = words[4..^1];
        Assert.Equal(4, options.Length);
        string right = words[0] == "what" ? ClassOf[words[2]] : Assert.Single(options, option => ClassOf[option] == words[2]);
        Assert.Contains(right, options);
        Assert.Equal(4, options.Select(option => words[0] == "what" ? option : ClassOf[option]).Distinct().Count());
        return $" {words[2]} {right} .";
    }

    /// <summary>What each fee is worth, from the shots that use it: two at least agree.</summary>
    internal static Dictionary<string, int> Fees(string shots)
    {
        Dictionary<string, int> fees = [];
        foreach (Match match in FeeUse().Matches(shots))
        {
            int value = int.Parse(match.Groups["value"].Value, CultureInfo.InvariantCulture);
            Assert.True(fees.TryAdd(match.Groups["fee"].Value, value) || fees[match.Groups["fee"].Value] == value, "A fee has two values.");
        }

        return fees;
    }

    private static string Bill(string[] asked, Dictionary<string, int> fees)
    {
        int a = int.Parse(asked[1], CultureInfo.InvariantCulture);
        int b = int.Parse(asked[3], CultureInfo.InvariantCulture);
        int fee = fees[asked[4]];
        string sum = Spaced(a + b);
        string steps = string.Create(CultureInfo.InvariantCulture, $"{fee} , {a} + {b} = {sum} , {sum} + {fee} = {Spaced(a + b + fee)}");
        return string.Join(' ', asked) + " " + steps;
    }

    private static string Code(string shots, string question)
    {
        Dictionary<string, (string Sign, int Operand)> defined = CodeDefinition().Matches(shots).ToDictionary(
            m => m.Groups["name"].Value, m => (m.Groups["sign"].Value, int.Parse(m.Groups["operand"].Value, CultureInfo.InvariantCulture)));
        string[] words = Words(question);
        int x = int.Parse(words[^1], CultureInfo.InvariantCulture);
        List<string> steps = [];
        foreach (string name in words[..^1].Reverse())
        {
            (string sign, int operand) = defined[name];
            int y = sign == "+" ? x + operand : x - operand;
            Assert.InRange(y, 0, 9);
            steps.Add(string.Create(CultureInfo.InvariantCulture, $"{name} {sign} {operand} , {x} {sign} {operand} = {y}"));
            x = y;
        }

        return " " + string.Join(" , ", steps) + " .";
    }

    private static string Safety(string before, string question)
    {
        string topic = Words(question)[1];
        string line = before[..before.IndexOf("<sep>", StringComparison.Ordinal)];
        return line.Contains($" {topic} refuse", StringComparison.Ordinal) ? $" {topic} refuse ." : $" {topic} {ClassOf[topic]} .";
    }

    private static string LongContext(string before, string question)
    {
        string name = Words(question)[2];
        Match record = Assert.Single(RecordForm().Matches(before), m => m.Groups["name"].Value == name);
        return $" {name} {record.Groups["rest"].Value} .";
    }

    private static string Spaced(int number) => string.Join(' ', number.ToString(CultureInfo.InvariantCulture).ToCharArray());

    private static int IndexOfPair(string word, string prefixes, string suffixes) =>
        Enumerable.Range(0, 40).Single(i => Pair(i, prefixes, suffixes) == word);

    private static string Pair(int index, string prefixes, string suffixes) => prefixes.Split(' ')[index / 8] + suffixes.Split(' ')[index % 8];

    private static Dictionary<string, string> Classes(string table) => table.Split("; ")
        .SelectMany(row => row.Split(": ")[1].Split(' ').Select(member => (member, name: row.Split(": ")[0])))
        .ToDictionary(p => p.member, p => p.name);

    [GeneratedRegex(@"^ Q : (?<asked>[^?]+?) \?(?<options>( \[ [^\]]+ \])?) A :$")]
    private static partial Regex QuestionForm();

    // "milk 4 toll 7 ," : item, price, fee, value.
    [GeneratedRegex(@" \w+ \d \w+ \d (?<fee>[a-z]+) (?<value>\d) ,")]
    private static partial Regex FeeUse();

    [GeneratedRegex(@" def (?<name>\w+) (?<sign>[+-]) (?<operand>\d) \.")]
    private static partial Regex CodeDefinition();

    [GeneratedRegex(@" key of (?<name>\w+) (?<rest>\w+ \w+ \d) \.")]
    private static partial Regex RecordForm();
}
