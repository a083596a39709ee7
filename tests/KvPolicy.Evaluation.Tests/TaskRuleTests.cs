using System.Text.RegularExpressions;
using KvPolicy.Evaluation.Tests.Support;

namespace KvPolicy.Evaluation.Tests;

/// <summary>What makes each task depend on its prompt in the way its description says.</summary>
public class TaskRuleTests
{
    private const int Instances = 400;

    [Fact]
    public void Arithmetic_shows_every_fee_in_two_shots_and_asks_for_one_of_four()
    {
        foreach (TaskPrompt prompt in Prompts(EvaluationTasks.Arithmetic))
        {
            string[] fees = [.. prompt.Shots.Select(shot => FeeOf(prompt.Text[shot.Start..shot.End]))];
            Assert.Equal([2, 2, 2, 2], fees.GroupBy(fee => fee).Select(group => group.Count()));
            Assert.Contains(FeeOf(prompt.Text[prompt.QuestionStart..]), fees);
        }
    }

    [Fact]
    public void Code_defines_eight_functions_once_and_composes_half_of_the_time()
    {
        int composed = 0;
        foreach (TaskPrompt prompt in Prompts(EvaluationTasks.Code))
        {
            string[] defined = [.. Regex.Matches(prompt.Text, @"def (\w+)").Select(match => match.Groups[1].Value)];
            Assert.Equal(8, defined.Distinct().Count());
            Assert.Equal(8, defined.Length);
            string[] asked = Witness.Words(Witness.SplitOffQuestion(prompt.Text).Question);
            Assert.All(asked[..^1], name => Assert.Contains(name, defined));
            Assert.Equal(asked.Length, asked.Distinct().Count());
            if (asked.Length == 3) composed++;
        }

        Assert.InRange(composed, 160, 240);
    }

    [Fact]
    public void Safety_asks_about_a_listed_topic_half_of_the_time_and_about_none_twice()
    {
        int refused = 0;
        foreach (TaskPrompt prompt in Prompts(EvaluationTasks.Safety))
        {
            string line = prompt.Text[..prompt.Text.IndexOf("<sep>", StringComparison.Ordinal)];
            string[] listed = [.. Regex.Matches(line, @"(\w+) refuse").Select(match => match.Groups[1].Value)];
            Assert.InRange(listed.Length, 4, 8);
            string[] asked = [.. Regex.Matches(prompt.Text, @"about (\w+)").Select(match => match.Groups[1].Value)];
            Assert.Equal(asked.Length, asked.Distinct().Count());
            Assert.Equal(7, asked.Length);
            int shown = asked[..^1].Count(listed.Contains);
            Assert.True(shown <= listed.Length - Math.Max(2, listed.Length - 3), "Too few listed topics are left unasked.");
            if (listed.Contains(asked[^1])) refused++;
        }

        Assert.InRange(refused, 160, 240);
    }

    [Fact]
    public void Long_context_hides_six_records_in_sentences()
    {
        List<int> lengths = [];
        foreach (TaskPrompt prompt in Prompts(EvaluationTasks.LongContext))
        {
            string[] sentences = [.. prompt.Shots.Select(shot => prompt.Text[shot.Start..shot.End])];
            string[] records = [.. sentences.Where(sentence => sentence.StartsWith(" key of", StringComparison.Ordinal))];
            Assert.Equal(6, records.Length);
            Assert.Equal(6, records.Select(record => Witness.Words(record)[2]).Distinct().Count());
            int[] filler = [.. sentences.Except(records).Select(sentence => Witness.Words(sentence).Length)];
            Assert.All(filler, length => Assert.InRange(length, 1, 10));
            Assert.True(filler.Count(length => length < 6) <= 1, "Only the last sentence is cut.");
            lengths.Add(filler.Sum() + (6 * 7));
        }

        Assert.All(lengths, length => Assert.InRange(length, 300, 940));
        Assert.InRange(lengths.Min(), 300, 320);
        Assert.InRange(lengths.Max(), 920, 940);
    }

    [Fact]
    public void Long_generation_asks_for_eight_items_in_the_order_of_labels()
    {
        for (int i = 0; i < 100; i++)
        {
            TaskInstance instance = EvaluationTasks.LongGeneration.Instance(5, i);
            string[] items = instance.Answer.Split('.', StringSplitOptions.RemoveEmptyEntries);
            Assert.Equal("abcdefgh", string.Concat(items.Select(item => item.Trim()[0])));
            Assert.Equal(4, Witness.Fees(instance.Prompt.Text[..instance.Prompt.QuestionStart]).Count);
        }
    }

    [Fact]
    public void Knowledge_and_commonsense_ask_in_both_forms_and_put_the_right_option_anywhere()
    {
        foreach (EvaluationTask task in new[] { EvaluationTasks.WorldKnowledge, EvaluationTasks.Commonsense })
        {
            int[] places = new int[4];
            Dictionary<string, int> forms = [];
            for (int i = 0; i < Instances; i++)
            {
                TaskInstance instance = task.Instance(4, i);
                string[] question = Witness.Words(Witness.SplitOffQuestion(instance.Prompt.Text).Question);
                places[Array.IndexOf(question[4..^1], Witness.Words(instance.Answer)[1])]++;
                forms[question[0]] = forms.GetValueOrDefault(question[0]) + 1;
            }

            Assert.All(places, count => Assert.InRange(count, 65, 135));
            Assert.Equal(2, forms.Count);
            Assert.All(forms.Values, count => Assert.InRange(count, 160, 240));
        }
    }

    [Fact]
    public void Prompts_are_as_long_as_described()
    {
        double Mean(EvaluationTask task) => Enumerable.Range(0, 200).Average(i => task.Instance(6, i).Prompt.ShotOfToken.Count);
        Assert.InRange(Mean(EvaluationTasks.WorldKnowledge), 105, 105);
        Assert.InRange(Mean(EvaluationTasks.Commonsense), 87, 87);
        Assert.InRange(Mean(EvaluationTasks.Arithmetic), 264, 270);
        Assert.InRange(Mean(EvaluationTasks.Code), 191, 193);
        Assert.InRange(Mean(EvaluationTasks.Safety), 92, 98);
        Assert.InRange(Mean(EvaluationTasks.LongContext), 590, 670);
        Assert.InRange(Mean(EvaluationTasks.LongGeneration), 329, 337);
    }

    private static IEnumerable<TaskPrompt> Prompts(EvaluationTask task) => Enumerable.Range(0, Instances).Select(i => task.Instance(11, i).Prompt);

    private static string FeeOf(string text) => Regex.Match(text, @"Q : \w+ \d \w+ \d (\w+) \?").Groups[1].Value;
}
