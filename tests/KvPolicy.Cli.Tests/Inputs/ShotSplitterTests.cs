using CsCheck;
using KvPolicy.Cli.Inputs;
using KvPolicy.Inference.Tokenization;

namespace KvPolicy.Cli.Tests.Inputs;

public class ShotSplitterTests
{
    private static TextToken[] At(params int[] starts) => [.. starts.Select((s, i) => new TextToken(i, s))];

    [Fact]
    public void Every_piece_but_the_last_is_a_shot()
        => Assert.Equal([-1, 0, 0, 0, 1, 1, -1, -1], ShotSplitter.Map("ab--cd--ef", "--", At(-1, 0, 1, 2, 4, 7, 8, 9)));

    [Fact]
    public void A_token_belongs_to_the_piece_of_its_first_character()
        => Assert.Equal([0, 0, 1], ShotSplitter.Map("ab|cd|", "|", At(0, 2, 3)));

    [Fact]
    public void A_text_without_the_separator_has_no_shots() => Assert.Equal([-1, -1], ShotSplitter.Map("abc", "|", At(0, 2)));

    [Fact]
    public void Overlapping_separators_are_cut_from_the_left() => Assert.Equal([0, 0, -1], ShotSplitter.Map("---", "--", At(0, 1, 2)));

    [Fact]
    public void Pieces_equal_those_of_Split()
        => Gen.Select(Gen.Char["ab|"].Array[0, 40], Gen.Char["ab|"].Array[1, 3]).Sample((chars, sep) =>
        {
            (string text, string separator) = (new string(chars), new string(sep));
            int[] map = ShotSplitter.Map(text, separator, At([.. Enumerable.Range(0, text.Length)]));
            string[] pieces = text.Split(separator);
            var expected = new List<int>();
            for (int p = 0; p < pieces.Length; p++)
            {
                bool last = p == pieces.Length - 1;
                expected.AddRange(Enumerable.Repeat(last ? -1 : p, pieces[p].Length + (last ? 0 : separator.Length)));
            }

            Assert.Equal(expected, map);
        });
}
