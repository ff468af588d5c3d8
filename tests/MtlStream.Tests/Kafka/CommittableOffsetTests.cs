using MtlStream.Kafka;

namespace MtlStream.Tests.Kafka;

public sealed class CommittableOffsetTests
{
    [Fact]
    public void Nothing_can_be_committed_before_something_is_acknowledged()
    {
        var committable = new CommittableOffset();
        committable.Receive(10, 1);

        Assert.Null(committable.Committable);
        Assert.Equal(1, committable.Pending);
    }

    [Fact]
    public void The_offset_to_commit_is_one_past_the_last_acknowledged_event()
    {
        var committable = new CommittableOffset();

        committable.Acknowledge(committable.Receive(41, 1));

        Assert.Equal(42, committable.Committable);
    }

    [Fact]
    public void What_finished_early_waits_for_what_came_before_it()
    {
        var committable = new CommittableOffset();
        var (first, second, third) = (committable.Receive(5, 1), committable.Receive(6, 1), committable.Receive(7, 1));

        committable.Acknowledge(third);
        committable.Acknowledge(second);
        Assert.Null(committable.Committable);
        Assert.Equal(2, committable.Ahead);

        committable.Acknowledge(first);
        Assert.Equal(8, committable.Committable);
        Assert.Equal((0, 0), (committable.Pending, committable.Ahead));
    }

    [Fact]
    public void Gaps_between_offsets_do_not_hold_it_back()
    {
        var committable = new CommittableOffset();
        var (first, second) = (committable.Receive(3, 1), committable.Receive(900, 1));

        committable.Acknowledge(first);
        Assert.Equal(4, committable.Committable); // not 900: an event between the two may still come from another read of the log
        committable.Acknowledge(second);
        Assert.Equal(901, committable.Committable);
    }

    [Fact]
    public void An_event_cannot_be_acknowledged_twice_or_without_being_received()
    {
        var committable = new CommittableOffset();
        var (first, second) = (committable.Receive(0, 1), committable.Receive(1, 1));
        committable.Acknowledge(second);

        Assert.Throws<InvalidOperationException>(() => committable.Acknowledge(second));
        Assert.Throws<InvalidOperationException>(() => committable.Acknowledge(second + 1));
        committable.Acknowledge(first);
        var failure = Assert.Throws<InvalidOperationException>(() => committable.Acknowledge(first));
        Assert.Contains("Event 0 was acknowledged twice or never received; 0 are pending from 2 on.", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_was_dropped_is_never_passed_although_it_is_acknowledged()
    {
        var committable = new CommittableOffset();
        var (first, second, third) = (committable.Receive(0, 1), committable.Receive(1, 1), committable.Receive(2, 1));

        committable.Drop(second);
        committable.Acknowledge(third);
        committable.Acknowledge(second);
        committable.Acknowledge(first);

        Assert.Equal(1, committable.Committable);
        Assert.Equal(0, committable.Unacknowledged);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void In_any_order_it_is_the_acknowledged_prefix_and_gives_every_byte_back(int seed)
    {
        var random = new Random(seed);
        var committable = new CommittableOffset();
        var (offsets, acknowledged, open) = (new List<(long Offset, int Bytes)>(), new HashSet<long>(), new List<long>());
        long next = random.Next(1000);
        for (var step = 0; step < 20_000; step++)
        {
            // Long stretches of receiving, then of acknowledging, so that the ring grows and wraps around.
            if (open.Count == 0 || (step / 700 % 2 == 0 && random.Next(10) > 0))
            {
                var bytes = random.Next(100);
                open.Add(committable.Receive(next, bytes));
                Assert.Equal(offsets.Count, open[^1]);
                offsets.Add((next, bytes));
                next += random.Next(1, 5);
            }
            else
            {
                var index = random.Next(open.Count);
                Assert.Equal(offsets[(int)open[index]].Bytes, committable.Acknowledge(open[index]));
                acknowledged.Add(open[index]);
                open.RemoveAt(index);
            }

            if (step % 97 != 0) continue;
            var prefix = 0;
            while (acknowledged.Contains(prefix)) prefix++;
            Assert.Equal(prefix == 0 ? null : offsets[prefix - 1].Offset + 1, committable.Committable);
            Assert.Equal(offsets.Count - prefix, committable.Pending);
            Assert.Equal(acknowledged.Count - prefix, committable.Ahead);
        }
    }
}
