using KvPolicy.Evaluation.Runs;

namespace KvPolicy.Evaluation.Tests.Runs;

public class AgreementTests
{
    [Theory]
    [InlineData("1 2 3 4", "1 2 3 4", 1)]
    [InlineData("1 2 3", "1 2 3 4", 0.75)]
    [InlineData("1 2 3 4 5", "1 9 3 4", 0.6)]
    [InlineData("2 3 4", "1 2 3", 0)]
    [InlineData("", "1", 0)]
    [InlineData("", "", 1)]
    public void Places_of_the_longer_answer_count(string answer, string full, double expected)
        => Assert.Equal(expected, InstanceRunner.Agreement(Ids(answer), Ids(full)), 12);

    private static int[] Ids(string words) => [.. words.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(int.Parse)];
}
