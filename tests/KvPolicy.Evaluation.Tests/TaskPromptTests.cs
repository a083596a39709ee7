using CsCheck;
using KvPolicy.Evaluation.Tests.Support;

namespace KvPolicy.Evaluation.Tests;

/// <summary>Spans, token maps and variants lie where the text says.</summary>
public class TaskPromptTests
{
    public static TheoryData<string> Names => [.. EvaluationTasks.All.Select(task => task.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void Shots_and_question_cover_the_prompt(string name)
    {
        EvaluationTask task = EvaluationTasks.Find(name)!;
        Gen.Select(Gen.ULong, Gen.Int[0, 1000]).Sample(
            (seed, index) =>
            {
                TaskPrompt prompt = task.Instance(seed, index).Prompt;
                Assert.Equal(prompt.Text.LastIndexOf(" Q : ", StringComparison.Ordinal), prompt.QuestionStart);
                Assert.Equal(TokenShots(prompt), prompt.ShotOfToken);
                Assert.Equal(1 + Witness.Words(prompt.Text[..prompt.QuestionStart]).Length, prompt.QuestionToken);
                int framed = name switch { "SA" => prompt.Text.IndexOf("<sep>", StringComparison.Ordinal) + 5, "LC" => 5, _ => 0 };
                Assert.Equal(prompt.QuestionStart - framed, prompt.Shots.Sum(shot => shot.Length));
                string end = name == "LC" ? " ." : " .<sep>";
                Assert.All(prompt.Shots, shot => Assert.EndsWith(end, prompt.Text[shot.Start..shot.End], StringComparison.Ordinal));
            },
            iter: 100);
    }

    [Theory]
    [InlineData("WK", 5)]
    [InlineData("CSR", 4)]
    [InlineData("AR", 8)]
    [InlineData("CG", 8)]
    [InlineData("SA", 6)]
    [InlineData("LG", 8)]
    public void Prompts_have_the_shots_of_their_task(string name, int shots)
    {
        for (int i = 0; i < 50; i++)
        {
            TaskPrompt prompt = EvaluationTasks.Find(name)!.Instance(2, i).Prompt;
            Assert.Equal(shots, prompt.Shots.Count);
            Assert.All(prompt.Shots, shot => Assert.Matches(@"^ Q : [^?]+ \?( \[ [^]]+ \])? A : [^?]+ \.<sep>$", prompt.Text[shot.Start..shot.End]));
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Removing_leaves_the_question_and_nothing_that_was_to_go(string name)
    {
        TaskInstance instance = EvaluationTasks.Find(name)!.Instance(3, 14);
        string full = instance.Prompt.Text;
        string question = full[instance.Prompt.QuestionStart..];
        int line = name == "SA" ? full.IndexOf("<sep>", StringComparison.Ordinal) + 5 : 0;
        Assert.Equal(full[..line] + question, instance.Variant(PromptVariant.ShotsRemoved).Text);
        Assert.Empty(instance.Variant(PromptVariant.ShotsRemoved).Shots);
        Assert.Equal(full[line..], instance.Variant(PromptVariant.SystemLineRemoved).Text);
        Assert.Equal(full, instance.Variant(PromptVariant.Full).Text);
        Assert.Throws<ArgumentOutOfRangeException>(() => instance.Variant((PromptVariant)9));
    }

    [Fact]
    public void Names_find_their_task_and_a_negative_index_none()
    {
        Assert.Equal(["WK", "CSR", "AR", "CG", "SA", "LC", "LG"], EvaluationTasks.All.Select(task => task.Name));
        Assert.Same(EvaluationTasks.LongContext, EvaluationTasks.Find("lc"));
        Assert.Null(EvaluationTasks.Find("CP"));
        Assert.Throws<ArgumentOutOfRangeException>(() => EvaluationTasks.Code.Instance(1, -1));
    }

    /// <summary>
    /// The shot map by the rule of the command line: a token belongs to the shot in which its first character lies; the start token to none.
    /// </summary>
    private static List<int> TokenShots(TaskPrompt prompt)
    {
        List<int> map = [-1];
        int at = 0;
        foreach (string word in Witness.Words(prompt.Text))
        {
            if (word != "<sep>") at++;
            int start = word == "<sep>" ? at : at - 1;
            Assert.Equal(word, prompt.Text.Substring(at, word.Length));
            map.Add(prompt.Shots.ToList().FindIndex(shot => start >= shot.Start && start < shot.End));
            at += word.Length;
        }

        return map;
    }
}
