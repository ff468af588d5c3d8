using MtlStream.Kafka;

namespace MtlStream.Tests.Kafka;

public sealed class OffsetWatermarkTests
{
    [Fact]
    public void Nothing_can_be_committed_before_something_is_settled()
    {
        var watermark = new OffsetWatermark();
        watermark.Receive(10, 1);

        Assert.Null(watermark.Committable);
        Assert.Equal(1, watermark.Pending);
    }

    [Fact]
    public void The_offset_to_commit_is_one_past_the_last_settled_event()
    {
        var watermark = new OffsetWatermark();

        watermark.Settle(watermark.Receive(41, 1));

        Assert.Equal(42, watermark.Committable);
    }

    [Fact]
    public void What_finished_early_waits_for_what_came_before_it()
    {
        var watermark = new OffsetWatermark();
        var (first, second, third) = (watermark.Receive(5, 1), watermark.Receive(6, 1), watermark.Receive(7, 1));

        watermark.Settle(third);
        watermark.Settle(second);
        Assert.Null(watermark.Committable);
        Assert.Equal(2, watermark.Ahead);

        watermark.Settle(first);
        Assert.Equal(8, watermark.Committable);
        Assert.Equal((0, 0), (watermark.Pending, watermark.Ahead));
    }

    [Fact]
    public void Gaps_between_offsets_do_not_hold_it_back()
    {
        var watermark = new OffsetWatermark();
        var (first, second) = (watermark.Receive(3, 1), watermark.Receive(900, 1));

        watermark.Settle(first);
        Assert.Equal(4, watermark.Committable); // not 900: an event between the two may still come from another read of the log
        watermark.Settle(second);
        Assert.Equal(901, watermark.Committable);
    }

    [Fact]
    public void An_event_cannot_be_settled_twice_or_without_being_received()
    {
        var watermark = new OffsetWatermark();
        var (first, second) = (watermark.Receive(0, 1), watermark.Receive(1, 1));
        watermark.Settle(second);

        Assert.Throws<InvalidOperationException>(() => watermark.Settle(second));
        Assert.Throws<InvalidOperationException>(() => watermark.Settle(second + 1));
        watermark.Settle(first);
        var failure = Assert.Throws<InvalidOperationException>(() => watermark.Settle(first));
        Assert.Contains("Event 0 was settled twice or never received; 0 are pending from 2 on.", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_was_dropped_is_never_passed_although_it_is_settled()
    {
        var watermark = new OffsetWatermark();
        var (first, second, third) = (watermark.Receive(0, 1), watermark.Receive(1, 1), watermark.Receive(2, 1));

        watermark.Drop(second);
        watermark.Settle(third);
        watermark.Settle(second);
        watermark.Settle(first);

        Assert.Equal(1, watermark.Committable);
        Assert.Equal(0, watermark.Unsettled);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void In_any_order_it_is_the_settled_prefix_and_gives_every_byte_back(int seed)
    {
        var random = new Random(seed);
        var watermark = new OffsetWatermark();
        var (offsets, settled, open) = (new List<(long Offset, int Bytes)>(), new HashSet<long>(), new List<long>());
        long next = random.Next(1000);
        for (var step = 0; step < 20_000; step++)
        {
            // Long stretches of receiving, then of settling, so that the ring grows and wraps around.
            if (open.Count == 0 || (step / 700 % 2 == 0 && random.Next(10) > 0))
            {
                var bytes = random.Next(100);
                open.Add(watermark.Receive(next, bytes));
                Assert.Equal(offsets.Count, open[^1]);
                offsets.Add((next, bytes));
                next += random.Next(1, 5);
            }
            else
            {
                var index = random.Next(open.Count);
                Assert.Equal(offsets[(int)open[index]].Bytes, watermark.Settle(open[index]));
                settled.Add(open[index]);
                open.RemoveAt(index);
            }

            if (step % 97 != 0) continue;
            var prefix = 0;
            while (settled.Contains(prefix)) prefix++;
            Assert.Equal(prefix == 0 ? null : offsets[prefix - 1].Offset + 1, watermark.Committable);
            Assert.Equal(offsets.Count - prefix, watermark.Pending);
            Assert.Equal(settled.Count - prefix, watermark.Ahead);
        }
    }
}
