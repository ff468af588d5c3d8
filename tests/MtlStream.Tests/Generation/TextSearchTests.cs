using MtlStream.Generation;
using MtlStream.Models;

namespace MtlStream.Tests.Generation;

/// <summary>Search by rules, on tables of logits.</summary>
public sealed class TextSearchTests
{
    private const int End = 1;

    private static GenerationRules Rules => new() { Start = 0, Ends = [End], Pad = 0 };

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void A_text_ends_with_the_end(int beams)
    {
        var found = Run(Rules, beams, limit: 10, written => written < 3 ? Likely(4 + written) : Likely(End));

        Assert.Equal([4, 5, 6], found.Ids);
        Assert.False(found.Truncated);
        Assert.InRange(found.Score, 0.5, 1);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void A_text_that_does_not_end_is_as_long_as_it_may_be(int beams)
    {
        var found = Run(Rules, beams, limit: 6, written => Likely(4 + (written % 4), (written * written) % 3));

        Assert.Equal(6, found.Ids.Count);
        Assert.True(found.Truncated);
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(1, 3)]
    [InlineData(4, 1)]
    public void A_text_that_goes_in_circles_keeps_one(int beams, int period)
    {
        var found = Run(Rules, beams, limit: 200, written => Likely(4 + (written % period)));

        Assert.Equal(Enumerable.Range(4, period), found.Ids);
        Assert.True(found.Truncated);
    }

    [Fact]
    public void A_few_repetitions_are_a_text()
    {
        var found = Run(Rules, 1, limit: 50, written => Likely(written < 10 ? 4 : End));

        Assert.Equal(Enumerable.Repeat(4, 10), found.Ids);
        Assert.False(found.Truncated);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void What_is_no_number_is_refused(int beams) =>
        Assert.Throws<InferenceException>(() => Run(Rules, beams, limit: 10, written => written < 2 ? Likely(4) : Enumerable.Repeat(float.NaN, 8).ToArray()));

    [Fact]
    public void Tokens_are_banned_and_forced_as_the_rules_say()
    {
        var banned = Run(Rules with { Banned = [4] }, 1, 3, _ => Likely(4, 5));
        var forced = Run(Rules with { ForcedFirst = 7, ForcedLast = End }, 1, 3, written => Likely(4 + (written % 2)));
        var least = Run(Rules with { MinTokens = 2 }, 1, 5, _ => Likely(End, 6));
        var once = Run(Rules with { NoRepeat = 2 }, 1, 5, _ => Likely(4, 5));

        Assert.Equal(5, banned.Ids[0]);
        Assert.Equal([7, 5], forced.Ids);
        Assert.True(forced.Truncated);
        Assert.Equal([6, 6], least.Ids);
        Assert.Equal([4, 4, 5, 4], once.Ids.Take(4));
    }

    [Fact]
    public void A_penalty_for_repetition_has_others_come()
    {
        var found = Run(Rules with { RepetitionPenalty = 10 }, 1, 2, _ => Likely(4, 5));

        Assert.Equal([4, 5], found.Ids);
    }

    [Fact]
    public void Rules_that_leave_no_token_are_refused() =>
        Assert.Throws<InferenceException>(() => Run(Rules with { Banned = [0, 1, 2, 3, 4, 5, 6, 7] }, 1, 3, _ => Likely(4)));

    private static float[] Likely(int token, int second = -1)
    {
        var logits = new float[8];
        logits[token] = 9;
        if (second >= 0 && second != token) logits[second] += 5;
        return logits;
    }

    /// <param name="logits">By the number of tokens written, of every beam.</param>
    private static GeneratedTokens Run(GenerationRules rules, int beams, int limit, Func<int, float[]> logits)
    {
        var search = TextSearch.Of(rules, beams, limit);
        for (var written = 0; search.Found is null; written++)
        {
            Assert.True(written <= limit, "the search does not end");
            search.Advance(Enumerable.Repeat(logits(written), search.Last.Count).SelectMany(l => l).ToArray());
        }

        return search.Found;
    }
}
