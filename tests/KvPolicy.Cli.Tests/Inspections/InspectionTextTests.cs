using KvPolicy.Cli.Output.Inspections;
using KvPolicy.Inference;
using Spectre.Console;

namespace KvPolicy.Cli.Tests.Inspections;

public class InspectionTextTests
{
    [Theory]
    [InlineData("", "·")]
    [InlineData(" word", " word")]
    [InlineData("a\nb", "a⏎\nb")]
    [InlineData("\r\n", "␍⏎\n")]
    [InlineData("\t", "⇥")]
    [InlineData("\u001b[31m", "␛[31m")]
    [InlineData("\u0000\u0007\u007f", "␀␇␡")]
    [InlineData("\u0085\u2028\u2029", "‹U+0085›‹U+2028›‹U+2029›")]
    [InlineData("\u202Eabc\u202C\u200B", "‹U+202E›abc‹U+202C›‹U+200B›")]
    [InlineData("\U0001F468\u200D\U0001F469\uFE0F", "\U0001F468\u200D\U0001F469\uFE0F")]
    [InlineData("שלום 漢字", "שלום 漢字")]
    [InlineData("[red]x[/]", "[red]x[/]")]
    public void Nothing_in_a_token_acts_or_stays_unseen(string text, string shown) => Assert.Equal(shown, VisibleText.Of(text));

    private static InspectedToken[] Tokens(params string[] texts) => [.. texts.Select((text, i) => new InspectedToken(i, text, -1))];

    [Fact]
    public void Neighbours_of_one_mark_are_one_run()
        => Assert.Equal("⟦a b⟧ c d⟨ e⟩‹ f›", MarkedText.Plain(MarkedText.Runs(Tokens("a", " b", " c", " d", " e", " f"), [Mark.Kept, Mark.Kept, Mark.Dropped, Mark.Dropped, Mark.Some, Mark.Uncached])));

    [Fact]
    public void Colours_need_no_brackets_and_text_is_no_markup()
    {
        var writer = new StringWriter();
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(writer), Ansi = AnsiSupport.Yes, ColorSystem = ColorSystemSupport.Standard });
        console.Profile.Width = 80;
        console.Write(MarkedText.Coloured(MarkedText.Runs(Tokens("[red]kept[/]", "\u001b[5mgone", "漢"), [Mark.Kept, Mark.Dropped, Mark.Kept])));
        Assert.Equal("\u001b[1;32m[red]kept[/]\u001b[0m\u001b[2m␛[5mgone\u001b[0m\u001b[1;32m漢\u001b[0m", writer.ToString().TrimEnd('\n'));
    }

    [Theory]
    [InlineData(new int[] { }, "")]
    [InlineData(new[] { 4 }, "4")]
    [InlineData(new[] { 0, 1, 2, 5, 7, 8 }, "0-2 5 7-8")]
    public void Ranges_are_short(int[] numbers, string words) => Assert.Equal(words, KeptSets.Ranges(numbers));

    [Fact]
    public void Overlap_is_what_all_keep_of_what_any_keeps()
    {
        Assert.Equal(1, KeptSets.Overlap([[1, 2], [1, 2]]));
        Assert.Equal(0, KeptSets.Overlap([[1, 2], [3]]));
        Assert.Equal(0.25, KeptSets.Overlap([[0, 1, 2], [1, 3], [1, 2]]));
        Assert.Equal(1, KeptSets.Overlap([[], []]));
        Assert.Equal(0, KeptSets.Overlap([[], [5]]));
        Assert.Equal([0, 2, 1], KeptSets.Keepers([[1, 2], [1]], 3));
    }

    [Fact]
    public void Shots_are_whole_in_part_or_gone()
    {
        InspectedToken[] tokens = [.. new[] { -1, 0, 0, 1, 1, 2, 2, 4, 4, -1 }.Select((shot, i) => new InspectedToken(i, "x", shot))];
        Assert.Equal("whole 0-2, in part 4", KeptSets.Shots(tokens, [1, 2, 3, 4, 5, 6, 8]));
        Assert.Equal("whole 1", KeptSets.Shots(tokens, [0, 3, 4]));
        Assert.Equal("1 4", KeptSets.WholeShots(tokens, [2, 3, 4, 7, 8]));
        Assert.Equal("in part 1", KeptSets.Shots(tokens, [0, 3]));
        Assert.Equal("none", KeptSets.Shots(tokens, [0, 9]));
        Assert.Equal("", KeptSets.Shots(Tokens("a"), [0]));
    }
}
