using Confluent.Kafka;
using MtlStream.Kafka;

namespace MtlStream.Tests.Kafka;

public sealed class ReplayMarkTests
{
    [Theory]
    [InlineData(new long[] { 7 }, "7")]
    [InlineData(new long[] { 2, 0, 1, 5, 7, 6 }, "0-2,5-7")]
    [InlineData(new long[] { 4, 4, 9_000_000_000 }, "4,9000000000")]
    public void Letters_that_lie_beside_each_other_are_one_range(long[] offsets, string header)
    {
        var message = Assert.Single(ReplayMark.Of(offsets)).ToMessage();

        Assert.Equal((null, null), (message.Key, message.Value));
        Assert.Equal(header, System.Text.Encoding.ASCII.GetString(Assert.Single(message.Headers).GetValueBytes()));
        Assert.True(ReplayMark.TryRead(message, out var mark));
        Assert.Equal(offsets.Distinct().Order(), mark.Offsets.SelectMany(r => Range(r.First, r.Last)));
    }

    [Fact]
    public void Many_ranges_become_several_marks_that_every_dead_letter_topic_takes()
    {
        var offsets = Enumerable.Range(0, 5000).Select(o => long.MaxValue - 20_000 + (2L * o)).ToList();

        var marks = ReplayMark.Of(offsets).ToList();

        Assert.Equal(offsets, marks.SelectMany(m => m.Offsets).Select(r => r.First));
        Assert.All(marks, m => Assert.InRange(m.ToMessage().Headers[0].GetValueBytes().Length, 1, 12_000));
    }

    [Theory]
    [InlineData("")]
    [InlineData("1-")]
    [InlineData("1-2-3")]
    [InlineData("one")]
    [InlineData("-1")]
    public void What_names_no_ranges_is_no_mark(string ranges) => Assert.False(ReplayMark.TryRead(
        new() { Headers = new Headers { { ReplayMark.Header, System.Text.Encoding.ASCII.GetBytes(ranges) } } }, out _));

    [Fact]
    public void An_event_with_a_header_of_that_name_is_no_mark()
    {
        var message = Assert.Single(ReplayMark.Of([1])).ToMessage();
        message.Value = "{}"u8.ToArray();

        Assert.False(ReplayMark.TryRead(message, out _));
    }

    [Fact]
    public void A_letter_tells_when_it_was_replayed_last()
    {
        var letters = new ReplayedLetters();
        letters.Add(0, new([(1, 3)]), 100);
        letters.Add(0, new([(3, 3)]), 200);

        Assert.Equal([null, 100L, 100L, 200L, null], Range(0, 4).Select(o => letters.TimeOf(0, o)));
        Assert.Null(letters.TimeOf(1, 2));
    }

    private static IEnumerable<long> Range(long first, long last)
    {
        for (var offset = first; offset <= last; offset++) yield return offset;
    }
}
