using MtlStream.Delivery;
using MtlStream.Events;
using MtlStream.Tests.Doubles;

namespace MtlStream.Tests.Delivery;

public sealed class SequencerTests
{
    private readonly List<SourcePosition> _dropped = [];

    private Sequencer Sequencer() => new(dropped => _dropped.Add(dropped.Position));

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Each_partition_leaves_in_source_order_whatever_order_it_finishes_in(int seed)
    {
        var sequencer = Sequencer();
        var finished = Enumerable.Range(0, 4).SelectMany(p => Enumerable.Range(0, 500).Select(s => Make.Record(s, partition: p))).ToArray();
        new Random(seed).Shuffle(finished);

        var ready = new List<OutboundRecord>();
        foreach (var record in finished) sequencer.Add(Make.Outbound(record), ready);

        Assert.Equal(2_000, ready.Count);
        Assert.Equal(0, sequencer.Waiting);
        foreach (var partition in ready.GroupBy(r => r.Source.Position.Partition))
            Assert.Equal(Enumerable.Range(0, 500).Select(i => (long)i), partition.Select(r => r.Source.Position.Sequence));
    }

    [Fact]
    public void A_record_leaves_only_behind_the_one_before_it()
    {
        var (sequencer, ready) = (Sequencer(), new List<OutboundRecord>());

        sequencer.Add(Make.Outbound(Make.Record(1)), ready);
        Assert.Empty(ready);
        Assert.Equal(1, sequencer.Waiting);

        sequencer.Add(Make.Outbound(Make.Record(0)), ready);
        Assert.Equal([0L, 1], ready.Select(r => r.Source.Position.Sequence));
    }

    [Fact]
    public void What_waits_from_an_assignment_that_is_over_is_dropped_and_the_new_one_starts_at_zero()
    {
        var (sequencer, ready) = (Sequencer(), new List<OutboundRecord>());
        sequencer.Add(Make.Outbound(Make.Record(5, assignment: 1)), ready);

        sequencer.Add(Make.Outbound(Make.Record(0, assignment: 2)), ready);
        sequencer.Add(Make.Outbound(Make.Record(0, assignment: 1)), ready); // a straggler

        Assert.Equal([2], ready.Select(r => r.Source.Position.Assignment));
        Assert.Equal([5L, 0], _dropped.Select(p => p.Sequence));
        Assert.Equal(0, sequencer.Waiting);
    }

    [Fact]
    public void Partitions_of_the_same_number_in_two_topics_do_not_wait_for_each_other()
    {
        var (sequencer, ready) = (Sequencer(), new List<OutboundRecord>());
        var other = Make.Record(0);
        other = other with { Position = other.Position with { Topic = "another" } };

        sequencer.Add(Make.Outbound(Make.Record(0)), ready);
        sequencer.Add(Make.Outbound(other), ready);

        Assert.Equal(2, ready.Count);
    }
}
