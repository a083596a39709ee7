using KvPolicy.Cli.CommandLine;

namespace KvPolicy.Cli.Tests.CommandLine;

public class ArgumentParserTests
{
    private static readonly Command Sample = new()
    {
        Name = "sample",
        Summary = "a command",
        Options =
        [
            new("--keep", "R", "fraction"), new("--keep-tokens", "N", "tokens"), new("--text", "T", "text"), new("--chat", null, "a switch"),
            new("--set", "NAME=VALUE", "a parameter") { Repeatable = true }, new("--target", "T", "what") { Choices = ["plan", "host"] },
        ],
        Examples = ["kvpolicy sample"],
        Run = (_, _) => 0,
    };

    private static Arguments Parse(params string[] words) => ArgumentParser.Parse(Sample, words);

    private static void Refused(string part, params string[] words)
        => Assert.Contains(part, Assert.Throws<UsageException>(() => Parse(words)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("")]
    [InlineData("-")]
    [InlineData("--")]
    [InlineData("-5")]
    [InlineData("--unheard-of")]
    [InlineData("@file")]
    [InlineData("[diagram]")]
    [InlineData("a=b=c")]
    [InlineData(" two\nlines ")]
    public void A_value_is_taken_as_it_stands(string value)
    {
        Assert.Equal(value, Parse("--text", value).Text("--text"));
        Assert.Equal(value, Parse("--text=" + value).Text("--text"));
    }

    [Fact]
    public void Text_that_is_an_option_needs_the_equals_form()
    {
        Refused("--text needs a value", "--text", "--chat");
        Assert.Equal("--chat", Parse("--text=--chat").Text("--text"));
    }

    [Fact]
    public void A_repeated_option_is_refused_even_with_the_same_value() => Refused("--keep was given twice", "--keep", "0.5", "--keep=0.5");

    [Fact]
    public void A_repeated_switch_is_refused() => Refused("--chat was given twice", "--chat", "--chat");

    [Fact]
    public void A_repeatable_option_keeps_its_order() => Assert.Equal(["a=1", "b=2"], Parse("--set", "a=1", "--set", "b=2").All("--set"));

    [Fact]
    public void A_missing_value_is_refused() => Refused("--text needs a value", "--text");

    [Fact]
    public void A_switch_takes_no_value() => Refused("--chat takes no value", "--chat=yes");

    [Fact]
    public void An_unknown_option_names_the_nearest() => Refused("did you mean --keep-tokens?", "--keep-token", "5");

    [Fact]
    public void Options_are_not_abbreviated() => Refused("unknown option --kee", "--kee", "0.5");

    [Fact]
    public void A_word_without_an_option_is_refused() => Refused("'stray' follows no option", "stray");

    [Fact]
    public void A_choice_lists_what_is_allowed() => Refused("--target 'gpu': expected plan, host", "--target", "gpu");

    [Theory]
    [InlineData("0,5")]
    [InlineData("")]
    [InlineData("0")]
    [InlineData("-0.1")]
    [InlineData("1.0000001")]
    [InlineData("NaN")]
    [InlineData("Infinity")]
    [InlineData("half")]
    [InlineData("0.5f")]
    [InlineData("٠.٥")]
    [InlineData("1 000")]
    public void A_fraction_outside_its_range_or_form_is_refused(string text)
        => Assert.Contains($"--keep '{text}'", Assert.Throws<UsageException>(() => Parse("--keep", text).Fraction("--keep")).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("0.1", 130, 13)]
    [InlineData("0.7", 10, 7)]
    [InlineData("0.001", 130, 1)]
    [InlineData("1", 130, 130)]
    [InlineData("1.0", 130, 130)]
    [InlineData("1e-1", 130, 13)]
    [InlineData("1e-9", 130, 1)]
    [InlineData("1e-40", 130, 1)]
    public void A_fraction_is_the_decimal_that_was_written(string text, int of, int stay)
        => Assert.Equal(stay, Parse("--keep", text).Fraction("--keep")!.Value.FloorOf(of));

    [Theory]
    [InlineData("0")]
    [InlineData("-1")]
    [InlineData("1.0")]
    [InlineData("1e3")]
    [InlineData("1,000")]
    [InlineData(" 5")]
    [InlineData("99999999999999999999")]
    [InlineData("2147483648")]
    public void A_whole_number_outside_its_range_or_form_is_refused(string text)
        => Assert.Contains("whole number from 1 to 2147483647", Assert.Throws<UsageException>(() => Parse("--keep-tokens", text).Whole("--keep-tokens", 1)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("0", 0)]
    [InlineData("40", 40)]
    [InlineData("2147483648", int.MaxValue)]
    [InlineData("99999999999999999999", int.MaxValue)]
    public void Where_more_than_there_is_means_all_no_number_is_too_large(string text, int expected) => Assert.Equal(expected, Parse("--keep-tokens", text).UpTo("--keep-tokens"));

    [Fact]
    public void Two_options_for_one_thing_are_refused()
    {
        Arguments both = Parse("--keep", "0.5", "--keep-tokens", "5");
        Assert.Contains("--keep and --keep-tokens", Assert.Throws<UsageException>(() => both.OneOf("--keep", "--keep-tokens")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Help_lists_every_option_and_an_example()
    {
        string help = HelpText.Of(Sample);
        foreach (Option option in ArgumentParser.OptionsOf(Sample)) Assert.Contains(option.Name, help, StringComparison.Ordinal);
        Assert.Contains("example:\n  kvpolicy sample\n", help, StringComparison.Ordinal);
    }
}
