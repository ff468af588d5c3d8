using MtlStream.Tasks;

namespace MtlStream.Tests.Tasks;

public sealed class LabelScoresTests
{
    // Lengths around the width of a vector, and the shipped model's.
    public static TheoryData<int> Lengths => [1, 2, 7, 8, 9, 16, 28, 151];

    private static float[] Random(int length, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, length).Select(_ => random.Next(5) == 0 ? random.Next(2) : random.NextSingle())];
    }

    [Theory]
    [MemberData(nameof(Lengths))]
    public void The_best_is_the_first_of_the_highest(int length)
    {
        for (var seed = 0; seed < 50; seed++)
        {
            var scores = Random(length, seed);

            Assert.Equal(Array.IndexOf(scores, scores.Max()), LabelScores.Best(scores));
        }
    }

    [Theory]
    [MemberData(nameof(Lengths))]
    public void Whatever_is_outside_is_found_wherever_it_is(int length)
    {
        var scores = Random(length, 1);
        Assert.Equal(-1, LabelScores.FirstOutside(scores, 0, 1));

        foreach (var wrong in new[] { float.NaN, float.PositiveInfinity, float.NegativeInfinity, -0.5f, 1.5f })
        {
            for (var place = 0; place < length; place++)
            {
                float[] flawed = [.. scores];
                flawed[place] = wrong;

                Assert.Equal(place, LabelScores.FirstOutside(flawed, 0, 1));
            }
        }
    }

    [Theory]
    [MemberData(nameof(Lengths))]
    public void Entropies_are_those_of_the_definition(int length)
    {
        for (var seed = 0; seed < 20; seed++)
        {
            var scores = Random(length, seed);

            Assert.Equal(scores.Sum(p => Term(p)), LabelScores.Entropy(scores), 1e-4);
            Assert.Equal(scores.Sum(p => Term(p) + Term(1 - (double)p)), LabelScores.EntropyOfEach(scores), 1e-4);
        }

        static double Term(double p) => p > 0 ? -p * Math.Log2(p) : 0;
    }
}
