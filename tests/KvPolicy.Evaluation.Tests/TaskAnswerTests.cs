using System.Text.Json;
using CsCheck;
using KvPolicy.Evaluation.Tests.Support;

namespace KvPolicy.Evaluation.Tests;

/// <summary>The right answer is the one that a reader of the prompt works out.</summary>
public class TaskAnswerTests
{
    public static TheoryData<string> Names => [.. EvaluationTasks.All.Select(task => task.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void Answer_follows_from_the_prompt_alone(string name)
    {
        EvaluationTask task = EvaluationTasks.Find(name)!;
        Gen.Select(Gen.ULong, Gen.Int[0, 100_000]).Sample(
            (seed, index) =>
            {
                TaskInstance instance = task.Instance(seed, index);
                Assert.Equal(Witness.Solve(name, instance.Prompt.Text), instance.Answer);
                Assert.Equal(1, instance.Score(instance.Answer));
                Assert.True(Witness.Words(instance.Answer).Length < task.MaxAnswerTokens, "No room for the answer and its end.");
            },
            iter: 200);
    }

    [SkippableTheory]
    [MemberData(nameof(Names))]
    public void The_reader_agrees_with_prompts_from_elsewhere(string name)
    {
        using JsonDocument golden = JsonDocument.Parse(File.ReadAllText(RepositoryFiles.Shared("models/kvpolicy-tiny/golden.json")));
        JsonElement[] prompts = [.. golden.RootElement.EnumerateArray().Where(e => e.GetProperty("task").GetString() == name)];
        Assert.NotEmpty(prompts);
        foreach (JsonElement prompt in prompts)
        {
            Assert.Equal(prompt.GetProperty("answer").GetString(), Witness.Solve(name, prompt.GetProperty("prompt").GetString()!));
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Instances_are_functions_of_seed_and_index(string name)
    {
        EvaluationTask task = EvaluationTasks.Find(name)!;
        Assert.Equal(task.Instance(7, 3).Prompt.Text, task.Instance(7, 3).Prompt.Text);
        string[] texts = [.. from seed in new ulong[] { 7, 8 } from i in Enumerable.Range(0, 100) select task.Instance(seed, i).Prompt.Text];
        Assert.Equal(texts.Length, texts.Distinct().Count());
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Answers_vary(string name)
    {
        EvaluationTask task = EvaluationTasks.Find(name)!;
        IEnumerable<IGrouping<string, string>> answers = Enumerable.Range(0, 300).Select(i => task.Instance(1, i).Answer).GroupBy(a => a);
        Assert.All(answers, group => Assert.InRange(group.Count(), 1, 20));
    }
}
