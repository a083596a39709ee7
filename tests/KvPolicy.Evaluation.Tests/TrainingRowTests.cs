using CsCheck;
using KvPolicy.Evaluation.Language;
using KvPolicy.Evaluation.Randomness;
using KvPolicy.Evaluation.Rows;
using KvPolicy.Evaluation.Tests.Support;

namespace KvPolicy.Evaluation.Tests;

/// <summary>Training rows: full, in the lexicon, and asking only for what the words before settle.</summary>
public class TrainingRowTests
{
    public static TheoryData<string> Names => [.. RowShapes.Tasks];

    [Theory]
    [MemberData(nameof(Names))]
    public void Rows_are_full_and_ask_for_answers_alone(string task)
    {
        Gen.Select(Gen.ULong, Gen.Int[0, 4].Select(i => RowShapes.Lengths[i])).Where(p => RowShapes.Has(task, p.Item2)).Sample(
            (seed, length) =>
            {
                TrainingRow row = RowShapes.Write(task, new SeededRandom(seed), length);
                Assert.Equal(length, row.Words.Count);
                Assert.Equal(Lexicon.Bos, row.Words[0]);
                Assert.All(row.Words, word => Assert.Contains(word, Lexicon.IndexOf.Keys));
                Assert.DoesNotContain(Lexicon.Pad, row.Words);
                Assert.Equal(task == "CP" ? CopyMask(row.Words) : AnswerMask(row.Words), row.Targets);
                Assert.Contains(true, row.Targets);
            },
            iter: 200);
    }

    [Theory]
    [InlineData("AR")]
    [InlineData("LG")]
    public void A_fee_is_asked_for_only_after_a_shot_has_said_what_it_is_worth(string task)
    {
        TrainingRow row = RowShapes.Write(task, new SeededRandom(21), 512);
        HashSet<string> met = [];
        int left = 0;
        for (int i = 1; i < row.Words.Count - 1; i++)
        {
            bool isValue = Lexicon.Fees.Contains(row.Words[i - 1]) && Lexicon.Digits.Contains(row.Words[i]);
            if (!isValue) continue;
            bool first = met.Add(row.Words[i - 1]);
            Assert.Equal(!first, row.Targets[i]);
            if (first) left++;
        }

        Assert.InRange(left, 3, 5);
    }

    [Fact]
    public void A_safety_row_keeps_asking_when_its_listed_topics_are_used_up()
    {
        TrainingRow row = RowShapes.Write("SA", new SeededRandom(5), 512);
        Assert.True(row.Words.Count(word => word == "about") > 30);
        Assert.True(row.Words.Where((word, i) => word == "refuse" && row.Targets[i]).Count() > 10);
    }

    [Fact]
    public void Rows_come_from_the_stream_they_are_given()
    {
        foreach (string task in RowShapes.Tasks)
        {
            Assert.Equal(RowShapes.Write(task, new SeededRandom(1, 2), 128).Words, RowShapes.Write(task, new SeededRandom(1, 2), 128).Words);
            Assert.NotEqual(RowShapes.Write(task, new SeededRandom(1, 2), 128).Words, RowShapes.Write(task, new SeededRandom(1, 3), 128).Words);
        }
    }

    /// <summary>From behind <c>A :</c> to the blank line, less the value at a fee's first use.</summary>
    private static List<bool> AnswerMask(IReadOnlyList<string> words)
    {
        List<bool> mask = [];
        HashSet<string> fees = [];
        bool answering = false;
        for (int i = 0; i < words.Count; i++)
        {
            bool unsettled = answering && i > 0 && Lexicon.Fees.Contains(words[i - 1]) && fees.Add(words[i - 1]);
            mask.Add(answering && !unsettled);
            if (i > 0 && words[i - 1] == "A" && words[i] == ":") answering = true;
            if (words[i] == "<sep>") answering = false;
        }

        return mask;
    }

    /// <summary>Lists until the first one that comes again; from there all but each list's first word.</summary>
    private static List<bool> CopyMask(IReadOnlyList<string> words)
    {
        List<List<string>> lists = [[]];
        foreach (string word in words.Skip(1))
        {
            lists[^1].Add(word);
            if (word == "<sep>") lists.Add([]);
        }

        // The row may end inside a list, so a repeated list is one that starts as an earlier one does.
        int repeats = lists.FindIndex(list => list.Count > 0 && lists.TakeWhile(e => e != list).Any(e => e.Take(list.Count).SequenceEqual(list)));
        return [false, .. lists.SelectMany((list, n) => list.Select((_, i) => n >= repeats && i > 0))];
    }
}
