using CsCheck;
using KvPolicy.Generators.Tests.Support;

namespace KvPolicy.Generators.Tests.Emission;

/// <summary>
/// The hash behind the signal <c>random</c>: equal to its definition, uniform, and without a trace of its inputs. Nothing here is drawn anew,
/// so a limit that chance passes once in a million is never met by chance.
/// </summary>
public class DrawsTests
{
    // Standard deviations that a sum of independent draws may lie from its mean.
    private const double Deviations = 5;

    [Fact]
    public void Are_what_the_definition_says() => Gen.Select(Gen.Int, Gen.Int[0, 300], Gen.Int[0, 300], Gen.Int[-1, 1 << 20]).Sample((seed, layer, head, index) =>
        Assert.Equal(DrawReference.Number(seed, layer, head, index), Draws.Uniform(Draws.Stream(seed, layer, head), index)));

    [Fact]
    public void Come_from_vectors_as_from_single_numbers() => Gen.Select(Gen.UInt, Gen.Int.Array[32]).Sample((stream, indices) =>
    {
        var numbers = new float[32];
        KeyTile.Draw(stream, indices, numbers);
        Assert.Equal(indices.Select(index => Draws.Uniform(stream, index)), numbers);
    });

    /// <summary>What may differ from one number to the next.</summary>
    public static TheoryData<string> Walks => ["positions", "layers", "heads", "seeds"];

    [Theory]
    [MemberData(nameof(Walks))]
    public void Are_uniform_and_their_neighbours_know_nothing_of_each_other(string walk)
    {
        const int Count = 1 << 16, Cells = 16;
        float[] numbers = [.. Enumerable.Range(0, Count).Select(i => Number(walk, i))];
        Assert.All(numbers, number => Assert.InRange(number, 0f, 0.99999994f));
        var single = new int[Cells * Cells];
        foreach (float number in numbers) single[(int)(number * single.Length)]++;
        CheckChiSquare(single);
        // Pairs at a distance: the cell of one says nothing of the other's.
        foreach (int distance in new[] { 1, 2, 3, 7, 32, 64, 256, 1024 })
        {
            var pairs = new int[Cells * Cells];
            for (int i = 0; i + distance < Count; i++) pairs[((int)(numbers[i] * Cells) * Cells) + (int)(numbers[i + distance] * Cells)]++;
            CheckChiSquare(pairs);
        }
    }

    [Fact]
    public void Of_two_streams_are_neither_alike_nor_shifted()
    {
        uint[] streams = [Draws.Stream(0, 0, 0), Draws.Stream(1, 0, 0), Draws.Stream(0, 1, 0), Draws.Stream(0, 0, 1), Draws.Stream(1, 1, 1)];
        Assert.Equal(streams.Length, streams.Distinct().Count());
        const int Count = 4096;
        foreach (uint one in streams)
        {
            foreach (uint other in streams.Where(other => other != one))
            {
                for (int shift = 0; shift < 64; shift++)
                {
                    double sum = 0;
                    for (int i = 0; i < Count; i++) sum += (Draws.Uniform(one, i) - 0.5) * (Draws.Uniform(other, i + shift) - 0.5);
                    // A product of two draws has the deviation 1/12.
                    Assert.InRange(sum / Math.Sqrt(Count) * 12, -Deviations, Deviations);
                }
            }
        }
    }

    [Fact]
    public void Turn_about_half_of_their_bits_for_each_bit_of_an_input()
    {
        const int Count = 4096;
        for (int bit = 0; bit < 32; bit++)
        {
            var turned = new int[24];
            for (int i = 0; i < Count; i++)
            {
                int difference = Bits(0, i * 977) ^ Bits(0, (i * 977) ^ (1 << bit));
                for (int of = 0; of < 24; of++) turned[of] += (difference >> of) & 1;
            }

            // Half of them, give or take what chance gives.
            Assert.All(turned, count => Assert.InRange((count - (Count / 2)) / (Math.Sqrt(Count) / 2), -Deviations, Deviations));
        }
    }

    private static int Bits(int head, int index) => (int)(Draws.Uniform(Draws.Stream(0, 2, head), index) * (1 << 24));

    private static float Number(string walk, int i) => walk switch
    {
        "layers" => Draws.Uniform(Draws.Stream(0, i, 0), 17),
        "heads" => Draws.Uniform(Draws.Stream(0, 2, i), 17),
        "seeds" => Draws.Uniform(Draws.Stream(i, 2, 1), 17),
        _ => Draws.Uniform(Draws.Stream(0, 2, 1), i),
    };

    private static void CheckChiSquare(int[] counts)
    {
        double expected = counts.Sum() / (double)counts.Length, freedom = counts.Length - 1;
        double chi = counts.Sum(count => (count - expected) * (count - expected) / expected);
        // For so many cells the statistic is nearly normal: mean = freedom, variance = twice that. Too even is as wrong as too uneven.
        Assert.InRange((chi - freedom) / Math.Sqrt(2 * freedom), -Deviations, Deviations);
    }
}
